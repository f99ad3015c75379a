// Open MPI. Its handles are macros over casts, which Swift cannot see: each gets a function here.
#pragma once
#include <mpi.h>

static inline MPI_Comm cmpi_comm_world(void) { return MPI_COMM_WORLD; }
