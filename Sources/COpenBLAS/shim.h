// OpenBLAS: Double-precision matrix products for gradient checks; oneDNN has none.
#pragma once
#include <cblas.h>

// Declared in cblas.h of OpenBLAS only; repeated here because the alternatives system may point cblas.h elsewhere.
void openblas_set_num_threads(int num_threads);
