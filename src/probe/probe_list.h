/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The probes, for the array in probe.c.
 */
#pragma once

#include "probe/probe.h"

extern const struct probe probe_emulator;
extern const struct probe probe_host;
extern const struct probe probe_process;
extern const struct probe probe_pressure;
extern const struct probe probe_exits;
extern const struct probe probe_exits_tracefs;
extern const struct probe probe_xen;
extern const struct probe probe_kvm;
extern const struct probe probe_counters;
extern const struct probe probe_devices;
extern const struct probe probe_translation;
extern const struct probe probe_virtualbox;
extern const struct probe probe_guest;
extern const struct probe probe_injected;
