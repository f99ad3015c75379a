// zlib: gzip streams and CRC-32. `inflateInit2` and `gzgetc` are macros that Swift cannot see.
#pragma once
#include <string.h>
#include <zlib.h>

static inline int czlib_inflate_init_gzip(z_stream *stream) {
  memset(stream, 0, sizeof *stream);
  return inflateInit2(stream, 15 + 16);  // 15: largest window; + 16: gzip header and trailer, CRC checked
}

static inline int czlib_inflate_init_raw(z_stream *stream) {
  memset(stream, 0, sizeof *stream);
  return inflateInit2(stream, -15);  // −15: largest window, a bare deflate stream as ZIP archives hold it
}
