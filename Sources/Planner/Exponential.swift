import Foundation

extension Double {
  var exponential: Double { exp(self) }
}
