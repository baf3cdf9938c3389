/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * qemu_log: why a QEMU ended, from the log that libvirt keeps of it.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* text: the log's last lines; own: the process that libvirt's driver is in. QEMU's last message and
 * the reason that libvirt noted when it was gone (virDomainShutoffReason's words), the caller's to
 * free; in words of ours where neither is there. */
char *qemu_log_explain(const char *text, pid_t own);
/* Has libvirt noted the reason yet? */
bool qemu_log_has_reason(const char *text);
