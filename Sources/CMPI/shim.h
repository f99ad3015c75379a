// Open MPI. Its handles are macros over casts, which Swift cannot see: each one that is used gets a function here.
#pragma once
#include <mpi.h>

// The communicator of all processes, `ompi_mpi_comm_world` cast.
static inline MPI_Comm cmpi_comm_world(void) { return MPI_COMM_WORLD; }

// The error handler that makes calls return their status instead of ending the process.
static inline MPI_Errhandler cmpi_errors_return(void) { return MPI_ERRORS_RETURN; }

// "The input is in the output buffer", the integer 1 cast to a pointer.
static inline const void *cmpi_in_place(void) { return MPI_IN_PLACE; }

// The datatypes of the element types that groups reduce, and bytes.
static inline MPI_Datatype cmpi_byte(void) { return MPI_BYTE; }
static inline MPI_Datatype cmpi_float(void) { return MPI_FLOAT; }
static inline MPI_Datatype cmpi_double(void) { return MPI_DOUBLE; }
static inline MPI_Datatype cmpi_int32(void) { return MPI_INT32_T; }
static inline MPI_Datatype cmpi_int64(void) { return MPI_INT64_T; }
static inline MPI_Datatype cmpi_uint8(void) { return MPI_UINT8_T; }

// The reductions.
static inline MPI_Op cmpi_sum(void) { return MPI_SUM; }
static inline MPI_Op cmpi_min(void) { return MPI_MIN; }
static inline MPI_Op cmpi_max(void) { return MPI_MAX; }

// No request, and no statuses wanted: a cast and casts of null.
static inline MPI_Request cmpi_request_null(void) { return MPI_REQUEST_NULL; }
static inline MPI_Status *cmpi_status_ignore(void) { return MPI_STATUS_IGNORE; }
static inline MPI_Status *cmpi_statuses_ignore(void) { return MPI_STATUSES_IGNORE; }
