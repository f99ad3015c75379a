#pragma once
#include <png.h>
#include <string.h>

// The simplified interface of libpng, whose errors do not jump: png_image's version and size are macros and `sizeof`.
static inline int cpng_begin(png_image *image, const void *bytes, size_t count) {
  memset(image, 0, sizeof *image);
  image->version = PNG_IMAGE_VERSION;
  return png_image_begin_read_from_memory(image, bytes, count);
}

// `channels` 1: grey, 3: RGB; 8 bits each, rows without gaps. What is transparent is laid over the zeros in `pixels`.
static inline int cpng_finish(png_image *image, int channels, void *pixels) {
  image->format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  return png_image_finish_read(image, NULL, pixels, 0, NULL);
}
