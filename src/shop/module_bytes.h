/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * module_bytes: the Apache module (shop/module/) as bytes, to be put into machines. Empty when the
 * headers of Apache httpd were not there at build time.
 */
#pragma once

extern const unsigned char shop_module[];
extern const unsigned char shop_module_end[];
