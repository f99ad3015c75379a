import Glibc

/// Where the command speaks: tables and results on standard output, all else on standard error.
enum Console {
  /// Whether standard error is shown on a terminal: only then colour and a moving progress bar.
  static let isTerminal = isatty(STDERR_FILENO) == 1 || launcherTerminal != nil

  /// Width of the terminal in columns; 100 where there is none.
  static var width: Int {
    guard let path = launcherTerminal else { return width(of: STDERR_FILENO) }
    let terminal = unsafe open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC)
    defer { if terminal >= 0 { close(terminal) } }
    return width(of: terminal)
  }

  private static func width(of terminal: Int32) -> Int {
    var size = winsize()
    guard unsafe ioctl(terminal, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
    return Int(size.ws_col)
  }

  /// The terminal that mpirun writes to, if it started this process on its own host: a rank's standard error is a pipe
  /// to mpirun, which passes on every byte.
  private static let launcherTerminal: String? = {
    guard unsafe getenv("OMPI_COMM_WORLD_RANK") != nil else { return nil }
    var target = [CChar](repeating: 0, count: 256)
    let count = unsafe readlink("/proc/\(getppid())/fd/\(STDERR_FILENO)", &target, target.count)
    let path = String(decoding: target.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return path.hasPrefix("/dev/pts/") || path.hasPrefix("/dev/tty") ? path : nil
  }()

  static func print(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

  static func complain(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

  static func write(_ text: String, to file: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }

  static func exit(_ status: ExitStatus) -> Never { Glibc.exit(status.rawValue) }
}
