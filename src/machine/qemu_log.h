/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * qemu_log: why a QEMU ended, from the log that libvirt keeps of it.
 */
#pragma once

#include <stdbool.h>

/* text: the log's last lines. QEMU's last message and the reason that libvirt noted when it was
 * gone (virDomainShutoffReason's words), the caller's to free; in words of ours where neither is
 * there. */
char *qemu_log_explain(const char *text);
/* Has libvirt noted the reason yet? */
bool qemu_log_has_reason(const char *text);
