import CMPI
import Collectives

/// Throws `.failed` with the text of MPI for any status but success.
func check(_ status: Int32, _ call: String) throws(GroupError) {
  guard status != MPI_SUCCESS else { return }
  throw GroupError(
    .failed, "\(call) reports \(errorText(status))",
    remedy: "see the messages of mpirun; other ranks may have ended")
}

private func errorText(_ status: Int32) -> String {
  let text = unsafe [CChar](unsafeUninitializedCapacity: Int(MPI_MAX_ERROR_STRING)) { buffer, count in
    var length: Int32 = 0
    let ended = unsafe MPI_Error_string(status, buffer.baseAddress, &length)
    count = ended == MPI_SUCCESS ? Int(length) : 0
  }
  return text.isEmpty ? "status \(status)" : String(decoding: text.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
