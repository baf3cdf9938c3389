/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/cloud.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/strbuf.h"

#include "image/address.h"
#include "image/disk.h"
#include "image/keys.h"

#define STEP_NS (60 * NS_PER_S)
#define INFO_BYTES_MAX ((size_t)1 << 20)
#define BOOT_SIGNATURE_AT 510

/* Each line of a YAML block scalar needs its indentation. */
static void add_block(struct strbuf *out, const char *text)
{
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        strbuf_addf(out, "    %.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

char *cloud_format_user_data(const char *authorized_key, const char *host_key_private,
                             const char *host_key_public)
{
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    strbuf_addf(&out,
                "#cloud-config\n"
                "disable_root: false\n"
                "ssh_pwauth: false\n"
                "users:\n"
                "  - name: root\n"
                "    ssh_authorized_keys:\n"
                "      - %s\n"
                "ssh_deletekeys: true\n"
                "ssh_keys:\n"
                "  ed25519_private: |\n",
                authorized_key);
    add_block(&out, host_key_private);
    strbuf_addf(&out,
                "  ed25519_public: %s\n"
                "growpart:\n"
                "  mode: \"off\"\n"
                "resize_rootfs: false\n"
                "package_update: false\n"
                "package_upgrade: false\n"
                "runcmd:\n"
                "  - [sh, -c, \"echo " IMAGE_READY_TEXT " >/dev/console\"]\n",
                host_key_public);
    return strbuf_take(&out);
}

char *cloud_format_meta_data(const char *hostname)
{
    return mem_printf("instance-id: %s\nlocal-hostname: %s\n", hostname, hostname);
}

int cloud_format_network_config(const char *mac, char **out_text)
{
    uint8_t bytes[ADDRESS_MAC_BYTES];
    struct address address;
    char host[ADDRESS_TEXT_MAX], gateway[ADDRESS_TEXT_MAX], canonical[ADDRESS_TEXT_MAX];
    if (address_parse_mac(mac, bytes) < 0 || address_of_mac(bytes, &address) < 0)
        return -EINVAL;
    *out_text = mem_printf("version: 2\n"
                           "ethernets:\n"
                           "  vtax0:\n"
                           "    match:\n"
                           "      macaddress: \"%s\"\n"
                           "    dhcp4: false\n"
                           "    dhcp6: false\n"
                           "    addresses: [%s/%d]\n"
                           "    routes:\n"
                           "      - to: 0.0.0.0/0\n"
                           "        via: %s\n",
                           address_format_mac(bytes, canonical), address_format(address.host, host),
                           ADDRESS_PREFIX_BITS, address_format(address.gateway, gateway));
    return 0;
}

int cloud_parse_info(const char *json, size_t length, const char **out_format, char **out_backing,
                     struct error *err)
{
    json_t *root = json_loadb(json, length, 0, NULL);
    const char *format = json_string_value(json_object_get(root, "format"));
    json_int_t bytes = json_integer_value(json_object_get(root, "virtual-size"));
    json_t *backing = json_object_get(root, "full-backing-filename");
    if (!json_is_string(backing))
        backing = json_object_get(root, "backing-filename");
    static const char *const known[] = {"raw", "qcow2"};
    const char *found = NULL;
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (format && strcmp(format, known[i]) == 0)
            found = known[i];
    int rc = 0;
    if (!format)
        rc = error_set(err, ERROR_USAGE, -EBADMSG, "qemu-img does not know what it is");
    else if (!found)
        rc = error_set(err, ERROR_USAGE, -EINVAL,
                       "format '%s' is not supported (known: raw, qcow2; "
                       "qemu-img convert makes them)",
                       format);
    else if (bytes <= 0)
        rc = error_set(err, ERROR_USAGE, -EBADMSG, "it is an empty disk");
    if (rc == 0) {
        *out_format = found;
        *out_backing = mem_strdup(json_string_value(backing));
    }
    json_decref(root);
    return rc;
}

/* Anything is a raw image to qemu-img; a disk that boots from a BIOS has a signature in its first
 * sector (IBM PC). Through qemu-img, which knows where a qcow2 file keeps that sector. */
static int check_boots(const char *path, const char *format, struct error *err)
{
    CLEANUP_FD int fd = memfd_create("sector", MFD_CLOEXEC);
    CLEANUP_FREE char *in = mem_printf("if=%s", path);
    CLEANUP_FREE char *out = mem_printf("of=/proc/%d/fd/%d", (int)getpid(), fd);
    const char *argv[] = {"qemu-img", "dd",     "-U",      "-f", format, "-O",
                          "raw",      "bs=512", "count=1", in,   out,    NULL};
    unsigned char signature[2];
    int rc = process_check(argv, STEP_NS, NULL, err);
    if (rc < 0)
        return rc;
    if (pread(fd, signature, 2, BOOT_SIGNATURE_AT) != 2 || signature[0] != 0x55 ||
        signature[1] != 0xaa)
        return error_set(err, ERROR_USAGE, -EBADMSG,
                         "it is no disk that boots: it has no boot sector");
    return 0;
}

static int check_file(const char *path, const char **out_format, struct error *err)
{
    struct stat st;
    CLEANUP_FREE char *backing = NULL;
    if (stat(path, &st) < 0)
        return error_set_errno(err, ERROR_USAGE, -errno, "open");
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERROR_USAGE, -EINVAL, "it is not a file");
    if (!process_find_program("qemu-img"))
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "program 'qemu-img' is missing (package qemu-utils)");
    const char *argv[] = {"qemu-img", "info", "-U", "--output=json", "--", path, NULL};
    struct process_output output;
    struct process_options options = {.argv = argv, .dies_with_parent = true};
    int rc = process_run(&options, STEP_NS, INFO_BYTES_MAX, &output, err);
    if (rc < 0)
        return rc;
    CLEANUP_FREE char *text = output.text;
    if (output.status != 0)
        return error_set(err, ERROR_USAGE, -EBADMSG, "%.*s", (int)strcspn(text, "\n"), text);
    rc = cloud_parse_info(text, output.length, out_format, &backing, err);
    if (rc == 0 && backing && !file_exists(backing))
        rc = error_set(err, ERROR_USAGE, -ENOENT, "its backing file '%s' is not there", backing);
    if (rc == 0)
        rc = check_boots(path, *out_format, err);
    return rc;
}

static int check_root(const char *root, struct error *err)
{
    CLEANUP_FREE char *usr = mem_printf("%s/usr", root);
    struct stat st;
    if (stat(usr, &st) < 0 || !S_ISDIR(st.st_mode))
        return error_set(err, ERROR_USAGE, -ENOTDIR,
                         "root file system '%s': it is not a directory with a usr in it", root);
    return 0;
}

static int make_keys(struct image *image, const char *directory, struct error *err)
{
    image->key = mem_printf("%s/key", directory);
    image->seed_key = mem_printf("%s/host_key", directory);
    int rc = file_make_directories(directory, 0700, err);
    if (rc == 0)
        rc = keys_generate(image->key, err);
    if (rc == 0)
        rc = keys_generate(image->seed_key, err);
    return rc < 0 ? rc : keys_read_public(image->seed_key, &image->host_key, err);
}

DEFINE_CLEANUP(struct image *, image_free);

int image_open_file(const char *path, const char *root, const char *directory,
                    struct image **out_image, struct error *err)
{
    CLEANUP(image_free_cleanup) struct image *image = mem_zalloc(sizeof(*image));
    char digest[DIGEST_TEXT_BYTES];
    image->lock_fd = -1;
    int rc = check_file(path, &image->disk_format, err);
    if (rc < 0)
        return error_prefix(err, "image '%s'", path);
    if (root && (rc = check_root(root, err)) < 0)
        return rc;
    image->disk = realpath(path, NULL);
    image->root = root ? realpath(root, NULL) : NULL;
    if (!image->disk || (root && !image->root))
        return error_set_errno(err, ERROR_USAGE, -errno, "find image '%s'", path);
    image->directory = mem_strdup(directory);
    rc = make_keys(image, directory, err);
    if (rc == 0)
        rc = disk_digest(image->disk, digest, err);
    if (rc < 0)
        return rc;
    image->digest = mem_strdup(digest);
    *out_image = TAKE_PTR(image);
    return 0;
}

/* xorriso and genisoimage both take the options of mkisofs. */
static int make_iso(const char *directory, const char *path, struct error *err)
{
    const char *xorriso[] = {"xorriso", "-as",    "mkisofs", "-quiet", "-o",      path,
                             "-V",      "cidata", "-J",      "-r",     directory, NULL};
    const char *genisoimage[] = {"genisoimage", "-quiet", "-o", path,      "-V",
                                 "cidata",      "-J",     "-r", directory, NULL};
    if (process_find_program("xorriso"))
        return process_check(xorriso, STEP_NS, NULL, err);
    if (process_find_program("genisoimage"))
        return process_check(genisoimage, STEP_NS, NULL, err);
    return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                     "make a cloud-init seed: neither 'xorriso' nor 'genisoimage' is there "
                     "(package xorriso)");
}

static int write_texts(const struct image *image, const char *mac, const char *hostname,
                       const char *directory, struct error *err)
{
    CLEANUP_FREE char *authorized = NULL;
    CLEANUP_FREE char *private_key = NULL;
    CLEANUP_FREE char *network = NULL;
    int rc = keys_read_public(image->key, &authorized, err);
    if (rc == 0)
        rc = file_read(image->seed_key, 65536, &private_key, NULL, err);
    if (rc == 0 && (rc = cloud_format_network_config(mac, &network)) < 0)
        rc = error_set(err, ERROR_INTERNAL, rc, "make a cloud-init seed: MAC address '%s'", mac);
    if (rc < 0)
        return rc;
    CLEANUP_FREE char *user = cloud_format_user_data(authorized, private_key, image->host_key);
    CLEANUP_FREE char *meta = cloud_format_meta_data(hostname);
    const struct {
        const char *name;
        const char *text;
    } files[] = {{"user-data", user}, {"meta-data", meta}, {"network-config", network}};
    for (size_t i = 0; i < COUNT_OF(files) && rc == 0; i++) {
        CLEANUP_FREE char *path = mem_printf("%s/%s", directory, files[i].name);
        rc = file_write_atomic(path, files[i].text, strlen(files[i].text), 0600, err);
    }
    return rc;
}

int image_make_seed(const struct image *image, const char *mac, const char *hostname,
                    const char *path, struct error *err)
{
    CLEANUP_FREE char *directory = mem_printf("%s.d", path);
    if (!image->seed_key)
        return error_set(err, ERROR_INTERNAL, -EINVAL,
                         "make a cloud-init seed: the built-in image needs none");
    int rc = file_make_directories(directory, 0700, err);
    if (rc == 0)
        rc = write_texts(image, mac, hostname, directory, err);
    if (rc == 0)
        rc = make_iso(directory, path, err);
    file_remove_tree(directory, NULL);
    return rc;
}
