// Compares oneDNN's direct convolutions of 3x3 with Winograd's method, kernels alone, one thread:
//
//     clang++ -O2 scripts/winograd.cpp -ldnnl -o .build/winograd && OMP_NUM_THREADS=1 .build/winograd
//
// A line a shape: how many times as fast forward, backward input, backward weights and all three are (medians of 15 calls
// each), then the largest relative difference of a result (L2) and of an element, by the root mean square of its tensor.
#include <dnnl.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <random>
#include <unordered_map>
#include <vector>

using namespace dnnl;
using Arguments = std::unordered_map<int, memory>;

static engine cpu(engine::kind::cpu, 0);
static stream queue(cpu);

static double milliseconds(const primitive &kernel, const Arguments &arguments) {
  std::vector<double> times;
  for (int call = 0; call < 16; call++) {
    auto begin = std::chrono::steady_clock::now();
    kernel.execute(queue, arguments);
    queue.wait();
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  times.erase(times.begin());  // The first call warms caches.
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

static memory reordered(memory from, const memory::desc &to) {
  memory result(to, cpu);
  reorder(from, result).execute(queue, from, result);
  queue.wait();
  return result;
}

struct Pass {
  double time;
  memory result;  // Row-major.
};

/// Forward, backward input and backward weights.
static std::vector<Pass> passes(algorithm method, memory x, memory w, memory dy) {
  auto open = [](const memory &m) {
    return memory::desc(m.get_desc().dims(), memory::data_type::f32, memory::format_tag::any);
  };
  auto ox = open(x), ow = open(w), oy = open(dy);
  memory::dims one{1, 1};
  std::vector<Pass> found;
  auto run = [&](const auto &kernel, const auto &description, Arguments arguments, int result, const memory &like) {
    arguments.emplace(result, memory(description.query_md(query::exec_arg_md, result), cpu));
    double time = milliseconds(kernel, arguments);
    found.push_back({time, reordered(arguments.at(result), like.get_desc())});
  };
  convolution_forward::primitive_desc forward({prop_kind::forward_training, method, ox, ow, oy, one, one, one}, cpu);
  run(convolution_forward(forward), forward,
      {{DNNL_ARG_SRC, reordered(x, forward.src_desc())}, {DNNL_ARG_WEIGHTS, reordered(w, forward.weights_desc())}},
      DNNL_ARG_DST, dy);
  convolution_backward_data::primitive_desc input({method, ox, ow, oy, one, one, one}, cpu, forward);
  run(convolution_backward_data(input), input,
      {{DNNL_ARG_DIFF_DST, reordered(dy, input.diff_dst_desc())},
       {DNNL_ARG_WEIGHTS, reordered(w, input.weights_desc())}},
      DNNL_ARG_DIFF_SRC, x);
  convolution_backward_weights::primitive_desc weights({method, ox, ow, oy, one, one, one}, cpu, forward);
  run(convolution_backward_weights(weights), weights,
      {{DNNL_ARG_SRC, reordered(x, weights.src_desc())}, {DNNL_ARG_DIFF_DST, reordered(dy, weights.diff_dst_desc())}},
      DNNL_ARG_DIFF_WEIGHTS, w);
  return found;
}

int main() {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  auto tensor = [&](memory::dims dims, memory::format_tag tag, float scale, bool rectified) {
    memory result(memory::desc(dims, memory::data_type::f32, tag), cpu);
    auto *elements = static_cast<float *>(result.get_data_handle());
    for (size_t i = 0; i < result.get_desc().get_size() / 4; i++)
      elements[i] = rectified ? std::max(normal(random), 0.f) : scale * normal(random);
    return result;
  };
  std::printf("channels     image  samples  tiles  forward  input  weights   all   L2 diff.  element\n");
  for (auto [c, o] : {std::pair{32, 32}, {32, 64}, {64, 64}, {128, 128}, {256, 256}, {512, 512}})
    for (auto [samples, side] : {std::pair{8, 7}, {16, 7}, {32, 7}, {16, 14}, {16, 28}}) {
      memory x = tensor({samples, c, side, side}, memory::format_tag::nchw, 1, true);
      memory w = tensor({o, c, 3, 3}, memory::format_tag::oihw, std::sqrt(2.f / (9 * c)), false);
      memory dy = tensor({samples, o, side, side}, memory::format_tag::nchw, 1e-3f, false);
      auto direct = passes(algorithm::convolution_direct, x, w, dy);
      auto winograd = passes(algorithm::convolution_winograd, x, w, dy);
      double ratios[3], sums[2] = {0, 0}, worst = 0, element = 0;
      for (int pass = 0; pass < 3; pass++) {
        ratios[pass] = direct[pass].time / winograd[pass].time;
        sums[0] += direct[pass].time;
        sums[1] += winograd[pass].time;
        auto *a = static_cast<float *>(direct[pass].result.get_data_handle());
        auto *b = static_cast<float *>(winograd[pass].result.get_data_handle());
        size_t count = direct[pass].result.get_desc().get_size() / 4;
        double size = 0, difference = 0, largest = 0;
        for (size_t i = 0; i < count; i++) {
          size += double(a[i]) * a[i];
          difference += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
          largest = std::max(largest, std::fabs(double(a[i]) - b[i]));
        }
        worst = std::max(worst, std::sqrt(difference / size));
        element = std::max(element, largest / std::sqrt(size / count));
      }
      std::printf("%4d to %3d  %2d × %2d  %7d  %5d  %7.2f  %5.2f  %7.2f  %4.2f  %9.1e  %7.1e\n", c, o, side, side,
                  samples, samples * ((side + 3) / 4) * ((side + 3) / 4), ratios[0], ratios[1], ratios[2],
                  sums[0] / sums[1], worst, element);
      std::fflush(stdout);
    }
}
