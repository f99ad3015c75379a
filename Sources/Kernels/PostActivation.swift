internal import COneDNN

/// An element-wise function: a kernel of its own, or applied to another kernel's result before it is stored.
package enum PostActivation: Hashable, Sendable {
  case relu, tanh, sigmoid, swish
  /// `slope` is not below 0.
  case leakyReLU(slope: Float)
  /// `alpha` is above 0.
  case elu(alpha: Float)
  /// By the error function, or by the hyperbolic tangent.
  case geluErf, geluTanh

  /// What the derivative is computed from: the output, or the input.
  package var derivativeArgument: Primitive.Argument {
    switch self {
    case .relu, .tanh, .sigmoid, .leakyReLU, .elu: .destination
    case .swish, .geluErf, .geluTanh: .source
    }
  }

  var forwardAlgorithm: dnnl_alg_kind_t {
    switch self {
    case .relu, .leakyReLU: dnnl_eltwise_relu
    case .tanh: dnnl_eltwise_tanh
    case .sigmoid: dnnl_eltwise_logistic
    case .swish: dnnl_eltwise_swish
    case .elu: dnnl_eltwise_elu
    case .geluErf: dnnl_eltwise_gelu_erf
    case .geluTanh: dnnl_eltwise_gelu_tanh
    }
  }

  /// The variant whose derivative is computed from `derivativeArgument`.
  var backwardAlgorithm: dnnl_alg_kind_t {
    switch self {
    case .relu, .leakyReLU: dnnl_eltwise_relu_use_dst_for_bwd
    case .tanh: dnnl_eltwise_tanh_use_dst_for_bwd
    case .sigmoid: dnnl_eltwise_logistic_use_dst_for_bwd
    case .elu: dnnl_eltwise_elu_use_dst_for_bwd
    case .swish, .geluErf, .geluTanh: forwardAlgorithm
    }
  }

  /// oneDNN's alpha.
  var parameter: Float {
    switch self {
    case .relu, .tanh, .sigmoid, .geluErf, .geluTanh: 0
    case .swish: 1
    case .leakyReLU(let slope): slope
    case .elu(let alpha): alpha
    }
  }
}
