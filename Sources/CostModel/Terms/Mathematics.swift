import Glibc

// The C library's functions under one name each, so that no file of the model imports it for itself.
func log(_ x: Double) -> Double { Glibc.log(x) }
func exp(_ x: Double) -> Double { Glibc.exp(x) }
func power(_ x: Double, _ y: Double) -> Double { Glibc.pow(x, y) }
