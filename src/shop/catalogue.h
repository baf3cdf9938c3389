/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * catalogue: sizes of the 172 fixed images. Pure.
 */
#pragma once

#include <stdint.h>

#include "shop/model.h"

/* Fills the sizes, which do not depend on any run: between 43 and 22,600 bytes, median 233, and for
 * each page exactly image_bytes in all. */
void catalogue_fill(uint32_t out_bytes[SHOP_IMAGES]);
