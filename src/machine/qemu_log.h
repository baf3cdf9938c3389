/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * qemu_log: why a QEMU ended or stopped its guest, from the log that libvirt keeps of it.
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
/* The line in which QEMU says that KVM could not go on with the guest, upon which it stops it and
 * stays; the caller's to free. NULL: there is none. */
char *qemu_log_find_stop(const char *text);
