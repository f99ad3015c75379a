import Kernels

/// Calls `body` for every 16 elements of a run, and once for the rest. A constant width makes loops without branches.
@inline(__always)
func forEachLanes(_ count: Int, _ body: (_ offset: Int, _ width: Int) -> Void) {
  let whole = count & ~(Lanes.scalarCount - 1)
  for offset in stride(from: 0, to: whole, by: Lanes.scalarCount) { body(offset, Lanes.scalarCount) }
  if whole < count { body(whole, count - whole) }
}

/// The sums over a run of the two numbers that `body` gives for every element: in float over a few thousand, those in
/// double. The order depends on nothing but `count`.
@inline(__always)
func rowSums(_ count: Int, _ body: (_ offset: Int, _ width: Int) -> (Lanes, Lanes)) -> (Double, Double) {
  let whole = count & ~(Lanes.scalarCount - 1)
  let block = Lanes.scalarCount * LaneSums.blockPositions
  var (firsts, seconds) = (LaneSums(), LaneSums())
  for start in stride(from: 0, to: whole, by: block) {
    var (first, second) = (Lanes(repeating: 0), Lanes(repeating: 0))
    for offset in stride(from: start, to: min(start + block, whole), by: Lanes.scalarCount) {
      let part = body(offset, Lanes.scalarCount)
      first += part.0
      second += part.1
    }
    firsts.add(first)
    seconds.add(second)
  }
  var sums = (0.0, 0.0)
  for lane in 0..<Lanes.scalarCount { sums = (sums.0 + firsts[lane], sums.1 + seconds[lane]) }
  if whole < count {
    // Lanes without an element hold anything.
    let part = body(whole, count - whole)
    for lane in 0..<count - whole { sums = (sums.0 + Double(part.0[lane]), sums.1 + Double(part.1[lane])) }
  }
  return sums
}

/// Mean and 1 / √(variance + ε) of a run: the mean first, so that one far from 0 does not swallow the variance.
@unsafe func rowStatistics(_ x: UnsafePointer<Float>, _ count: Int, _ epsilon: Double) -> (mean: Float, inverse: Float)
{
  let zero = Lanes(repeating: 0)
  let sum = rowSums(count) { (unsafe Float.load(x + $0, $1), zero) }.0
  let mean = Float(sum / Double(count))
  let squares = rowSums(count) { offset, width in
    let distance = unsafe Float.load(x + offset, width) - mean
    return (distance * distance, zero)
  }.0
  return (mean, Float(1 / (squares / Double(count) + epsilon).squareRoot()))
}
