#pragma once
// jpeglib.h uses FILE and size_t without including them.
#include <stddef.h>
#include <stdio.h>
#include <setjmp.h>
#include <jpeglib.h>
#include <string.h>

// libjpeg leaves an error by a jump, which must not cross Swift frames: decoding happens in C, between setjmp and return.
typedef struct {
  struct jpeg_error_mgr manager;
  jmp_buf escape;
  char *message;
} cjpeg_error;

static inline void cjpeg_fail(j_common_ptr state) {
  cjpeg_error *error = (cjpeg_error *)state->err;
  error->manager.format_message(state, error->message);
  longjmp(error->escape, 1);
}

// A warning (such as data that end too soon) is an error here: half an image is no sample.
static inline void cjpeg_warn(j_common_ptr state, int level) {
  if (level < 0) cjpeg_fail(state);
}

// Reads the size, and the pixels too unless `pixels` is NULL: `channels` 1 (grey) or 3 (RGB), 8 bits each, rows without
// gaps. Returns 1, or 0 with a text in `message`, which has room for JMSG_LENGTH_MAX (200) characters.
static inline int cjpeg_decode(const unsigned char *bytes, unsigned long count, int channels, unsigned char *pixels,
                               int *width, int *height, char *message) {
  struct jpeg_decompress_struct decoder;
  cjpeg_error error;
  memset(&decoder, 0, sizeof decoder);
  decoder.err = jpeg_std_error(&error.manager);
  error.manager.error_exit = cjpeg_fail;
  error.manager.emit_message = cjpeg_warn;
  error.message = message;
  if (setjmp(error.escape)) {
    jpeg_destroy_decompress(&decoder);
    return 0;
  }
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, bytes, count);
  jpeg_read_header(&decoder, TRUE);
  *width = (int)decoder.image_width;
  *height = (int)decoder.image_height;
  if (pixels) {
    decoder.out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&decoder);
    while (decoder.output_scanline < decoder.output_height) {
      JSAMPROW row = pixels + (size_t)decoder.output_scanline * decoder.output_width * channels;
      jpeg_read_scanlines(&decoder, &row, 1);
    }
    jpeg_finish_decompress(&decoder);
  }
  jpeg_destroy_decompress(&decoder);
  return 1;
}
