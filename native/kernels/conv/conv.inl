// The conv family: channels-last rows choose between the depthwise kernels, the scattering input gradient and the GEMM
// driver by the geometry; channels-first ones are planes.inl, planes_scatter.inl,
// depthwise_planes.inl and depthwise_planes_weight.inl.
#pragma once
#if BRAWN_ISA_ENABLED
#include "kernels/conv/depthwise_planes_weight.inl"
#include "kernels/conv/depthwise_weight.inl"
#include "kernels/conv/planes_scatter.inl"
#include "kernels/conv/problems.inl"
#include "kernels/conv/scatter.inl"

namespace brawn {
namespace BRAWN_ISA {
namespace {

// Forward and input gradient. A method other than the product has two phases: weights, then tasks.
template <class T, class Problem, bool kGradient>
struct ConvRow {
  using Direct = Depthwise<T, kGradient>;
  using Scatter = ScatterGrad<T>;
  using Product = Driver<Problem>;
  static const ConvArgs& read(const void* args) { return *static_cast<const ConvArgs*>(args); }
  static bool depthwise(const void* args) { return read(args).geometry.depthwise(); }
  static bool scatter(const void* args) {
    if constexpr (kGradient) return Scatter(read(args)).worthwhile();
    return false;
  }

  static int64_t tasks(const void* args, int phase) {
    if (depthwise(args)) return Direct(read(args)).tasks(phase);
    return scatter(args) ? Scatter(read(args)).tasks(phase) : Product::tasks(args, phase);
  }
  static int64_t shared_bytes(const void* args) {
    if (depthwise(args)) return Direct(read(args)).shared_bytes();
    return scatter(args) ? Scatter(read(args)).shared_bytes() : Product::shared_bytes(args);
  }
  static int64_t local_bytes(const void* args) {
    if (depthwise(args)) return Direct(read(args)).local_bytes();
    return scatter(args) ? Scatter(read(args)).local_bytes() : Product::local_bytes(args);
  }
  static void run(const void* args, int phase, int64_t begin, int64_t end, const Context& context) {
    if (depthwise(args)) {
      run_with(Direct(read(args)), phase, begin, end, context);
    } else if (scatter(args)) {
      run_with(Scatter(read(args)), phase, begin, end, context);
    } else {
      Product::run(args, phase, begin, end, context);
    }
  }

  template <class Method>
  static void run_with(Method&& method, int phase, int64_t begin, int64_t end, const Context& context) {
    if (phase == 0) {
      method.prepare(static_cast<T*>(context.shared));
    } else {
      method.run(begin, end, context);
    }
  }

  static constexpr KernelRow row(const char* name, const char* operands) {
    return {name,         Micro<T>::kTileName, operands, BRAWN_CONV_PARAMS " packed " BRAWN_EPILOGUE_PARAMS, 3, tasks,
            shared_bytes, local_bytes,         run};
  }
};

template <class T>
struct ConvWeightRow {
  using Direct = DepthwiseWeightGrad<T>;
  using Product = Driver<WeightGradProblem<T>>;
  static const ConvWeightArgs& read(const void* args) { return *static_cast<const ConvWeightArgs*>(args); }
  static bool depthwise(const void* args) { return read(args).geometry.depthwise(); }

  static int64_t tasks(const void* args, int phase) {
    return depthwise(args) ? Direct(read(args)).tasks(phase) : Product::tasks(args, phase);
  }
  static int64_t shared_bytes(const void* args) {
    return depthwise(args) ? Direct(read(args)).shared_bytes() : Product::shared_bytes(args);
  }
  static int64_t local_bytes(const void* args) { return depthwise(args) ? 0 : Product::local_bytes(args); }
  static void run(const void* args, int phase, int64_t begin, int64_t end, const Context& context) {
    if (!depthwise(args)) {
      Product::run(args, phase, begin, end, context);
      return;
    }
    const Direct direct(read(args));
    T* shared = static_cast<T*>(context.shared);
    if (phase == 1) {
      for (int64_t t = begin; t < end; ++t) direct.sum_chunk(t, shared);
    } else {
      direct.add_chunks(shared);
    }
  }

  static constexpr KernelRow row(const char* name) {
    return {name, Micro<T>::kTileName, "x g -> out", BRAWN_CONV_PARAMS, 3, tasks, shared_bytes, local_bytes, run};
  }
};

template <class T>
using ForwardRow = ConvRow<T, ForwardProblem<T>, false>;
template <class T>
using InputGradRow = ConvRow<T, InputGradProblem<T>, true>;

template <class T>
constexpr KernelRow planes_forward(const char* name) {
  return PlanesRow<PlanesForward<T>>::row(name, "x w epilogue_in* -> out*",
                                          BRAWN_CONV_PARAMS " packed " BRAWN_EPILOGUE_PARAMS);
}
template <class T>
constexpr KernelRow planes_weight_grad(const char* name) {
  return PlanesRow<PlanesWeightGrad<T>>::row(name, "x g -> out", BRAWN_CONV_PARAMS " g_last");
}

constexpr KernelRow kConvRows[] = {
    ForwardRow<float>::row("conv_forward_f32", "x w epilogue_in* -> out*"),
    ForwardRow<double>::row("conv_forward_f64", "x w epilogue_in* -> out*"),
    InputGradRow<float>::row("conv_input_grad_f32", "g w epilogue_in* -> out*"),
    InputGradRow<double>::row("conv_input_grad_f64", "g w epilogue_in* -> out*"),
    ConvWeightRow<float>::row("conv_weight_grad_f32"),
    ConvWeightRow<double>::row("conv_weight_grad_f64"),
    ConvPack<float>::row("conv_pack_f32"),
    ConvPack<double>::row("conv_pack_f64"),
    planes_forward<float>("conv_planes_forward_f32"),
    planes_forward<double>("conv_planes_forward_f64"),
    PlanesScatter<float>::row("conv_planes_input_grad_f32"),
    PlanesScatter<double>::row("conv_planes_input_grad_f64"),
    planes_weight_grad<float>("conv_planes_weight_grad_f32"),
    planes_weight_grad<double>("conv_planes_weight_grad_f64"),
    DepthwisePlanes<float, false>::row("conv_planes_depthwise_f32", "x w epilogue_in* -> out*"),
    DepthwisePlanes<double, false>::row("conv_planes_depthwise_f64", "x w epilogue_in* -> out*"),
    DepthwisePlanes<float, true>::row("conv_planes_depthwise_input_grad_f32", "g w epilogue_in* -> out*"),
    DepthwisePlanes<double, true>::row("conv_planes_depthwise_input_grad_f64", "g w epilogue_in* -> out*"),
    DepthwisePlanesWeightGrad<float>::row("conv_planes_depthwise_weight_grad_f32"),
    DepthwisePlanesWeightGrad<double>::row("conv_planes_depthwise_weight_grad_f64"),
};

}  // namespace

KernelTable conv_table() { return {kConvRows, sizeof(kConvRows) / sizeof(kConvRows[0])}; }

}  // namespace BRAWN_ISA
}  // namespace brawn
#endif
