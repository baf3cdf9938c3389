/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/kvm_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/lab.h"
#include "base/process.h"

#define ROUNDS 3
#define LOOPS 4000000u /* 1 to 4 ms natively */
#define LIMIT_MS 2000
#define LAB_FACTOR 30
#define PAGE 4096
#define CODE_ADDRESS 0x1000

static const char device[] = "/dev/kvm";

/* What the child reports; a step that failed comes with its errno. */
struct finding {
    const char *failed_step; /* NULL: it ran; a pointer into the program, the same in the child */
    int code;
    uint64_t native_ns;
    uint64_t guest_ns;
};

struct guest {
    int device_fd;
    int vm_fd;
    int vcpu_fd;
    struct kvm_run *run;
    uint8_t *page;
};

/* 16-bit code: mov ecx, LOOPS; again: dec ecx; jnz again; hlt */
static void write_code(uint8_t *page)
{
    const uint32_t loops = LOOPS;
    static const uint8_t code[] = {0x66, 0xb9, 0, 0, 0, 0, 0x66, 0x49, 0x75, 0xfc, 0xf4};
    memcpy(page, code, sizeof(code));
    memcpy(page + 2, &loops, sizeof(loops));
}

static const char *make_guest(struct guest *guest)
{
    guest->device_fd = open(device, O_RDWR | O_CLOEXEC);
    if (guest->device_fd < 0)
        return "open '/dev/kvm'";
    guest->vm_fd = ioctl(guest->device_fd, KVM_CREATE_VM, 0);
    if (guest->vm_fd < 0)
        return "make a virtual machine";
    guest->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (guest->page == MAP_FAILED)
        return "allocate its memory";
    write_code(guest->page);
    struct kvm_userspace_memory_region region = {.guest_phys_addr = CODE_ADDRESS,
                                                 .memory_size = PAGE,
                                                 .userspace_addr = (uintptr_t)guest->page};
    if (ioctl(guest->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
        return "give it memory";
    guest->vcpu_fd = ioctl(guest->vm_fd, KVM_CREATE_VCPU, 0);
    if (guest->vcpu_fd < 0)
        return "make a virtual CPU";
    int size = ioctl(guest->device_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (size <= 0)
        return "map the virtual CPU";
    guest->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, guest->vcpu_fd, 0);
    return guest->run == MAP_FAILED ? "map the virtual CPU" : NULL;
}

static const char *rewind_guest(const struct guest *guest)
{
    struct kvm_sregs special;
    struct kvm_regs registers = {.rip = CODE_ADDRESS, .rflags = 2};
    if (ioctl(guest->vcpu_fd, KVM_GET_SREGS, &special) < 0)
        return "read the virtual CPU's registers";
    special.cs.base = 0;
    special.cs.selector = 0;
    if (ioctl(guest->vcpu_fd, KVM_SET_SREGS, &special) < 0 ||
        ioctl(guest->vcpu_fd, KVM_SET_REGS, &registers) < 0)
        return "set the virtual CPU's registers";
    return NULL;
}

static const char *run_guest(const struct guest *guest)
{
    if (ioctl(guest->vcpu_fd, KVM_RUN, 0) < 0)
        return "run the virtual CPU";
    errno = 0;
    return guest->run->exit_reason == KVM_EXIT_HLT ? NULL : "run the test program to its end";
}

static void run_native(void)
{
    uint32_t loops = LOOPS;
    __asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(loops) : : "cc");
}

static void keep_least(uint64_t *least_ns, uint64_t start_ns)
{
    uint64_t took_ns = clock_monotonic_ns() - start_ns;
    if (!*least_ns || took_ns < *least_ns)
        *least_ns = took_ns;
}

/* The least of each: what disturbs only adds. */
static const char *measure(struct finding *finding)
{
    struct guest guest = {0};
    const char *failed = make_guest(&guest);
    for (int i = 0; i < ROUNDS && !failed; i++) {
        uint64_t start_ns = clock_monotonic_ns();
        run_native();
        keep_least(&finding->native_ns, start_ns);
        failed = rewind_guest(&guest);
        start_ns = clock_monotonic_ns();
        failed = failed ? failed : run_guest(&guest);
        keep_least(&finding->guest_ns, start_ns);
    }
    return failed;
}

static void run_child(int write_fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct finding finding = {0};
    finding.failed_step = measure(&finding);
    finding.code = finding.failed_step ? errno : 0;
    _exit(write(write_fd, &finding, sizeof(finding)) == sizeof(finding) ? 0 : 1);
}

/* An emulated server of the lab may be slow, but its KVM is a real one. */
static int limit_ms(void)
{
    return lab_is_here() ? LIMIT_MS * LAB_FACTOR : LIMIT_MS;
}

/* 0 when it has reported, -ETIMEDOUT when it takes too long. */
static int ask_child(struct finding *out_finding, struct error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "try KVM");
    CLEANUP_FD int read_end = ends[0];
    pid_t pid = fork();
    if (pid == 0)
        run_child(ends[1]);
    close(ends[1]);
    if (pid < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "try KVM");
    struct pollfd ready = {.fd = read_end, .events = POLLIN};
    int rc = poll(&ready, 1, limit_ms()) > 0 ? 0 : -ETIMEDOUT;
    if (rc == 0 && read(read_end, out_finding, sizeof(*out_finding)) != sizeof(*out_finding))
        rc = -EIO;
    process_stop(pid, 0);
    return rc;
}

static const char *find_remedy(int code)
{
    switch (code) {
    case ENOENT:
        return "modprobe kvm_intel or kvm_amd; on a virtual host switch on nested virtualization "
               "there; or measure it by `vtax lab run kvm`";
    case EACCES:
    case EPERM:
        return "add yourself to the group kvm, or run as root; or measure it by `vtax lab run kvm`";
    case ENODEV:
    case EOPNOTSUPP:
        return "virtualization is switched off in the firmware, or taken by another hypervisor; "
               "`vtax lab run kvm` measures it all the same";
    default:
        return "`vtax lab run kvm` measures it all the same";
    }
}

int kvm_probe_explain(const char *step, int code, struct error *err)
{
    return error_set(err, ERROR_ENVIRONMENT, -code, "%s: %s: %s", step, strerror(code),
                     find_remedy(code));
}

int kvm_probe(struct error *err)
{
    struct finding finding = {0};
    int rc = ask_child(&finding, err);
    if (rc == -ETIMEDOUT)
        return error_set(
            err, ERROR_ENVIRONMENT, rc,
            "a loop of %u rounds did not end in a KVM guest within %d s: KVM here is "
            "emulated; use qemu-tcg, `vtax lab run kvm`, or a host with virtualization hardware",
            LOOPS, limit_ms() / 1000);
    if (rc < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, rc, "try KVM");
    if (finding.failed_step)
        return kvm_probe_explain(finding.failed_step, finding.code ? finding.code : EIO, err);
    double slowdown = (double)finding.guest_ns / (double)finding.native_ns;
    if (slowdown <= KVM_PROBE_SLOWDOWN_MAX)
        return 0;
    return error_set(
        err, ERROR_ENVIRONMENT, -ENOTSUP,
        "a loop runs %.0f times slower in a KVM guest than natively: KVM here is "
        "emulated; use qemu-tcg, `vtax lab run kvm`, or a host with virtualization hardware",
        slowdown);
}
