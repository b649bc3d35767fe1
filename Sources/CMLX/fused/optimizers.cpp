// SPDX-License-Identifier: Apache-2.0
//
// Optimizer steps: run at once over all parameters, in place where nobody else can see it.
#include "kernels.hpp"
#include "pool.hpp"
#include "primitive.hpp"
#include "vector.hpp"

namespace fmlx {
namespace {

struct AdamWPart {
  const float *p, *g, *m, *v;
  float *p_out, *m_out, *v_out;
  float decay;
};

FMLX_INLINE void adamw(const AdamWPart* part, size_t begin, int count,
                       const fmlx_adamw_step* step) {
  auto s = *step;
  auto t = *part;
  float shrink = 1.0f - s.learning_rate * t.decay, rate = s.learning_rate / s.correction1;
  float root = 1.0f / std::sqrt(s.correction2);
  auto update = [&](v8 p, v8 g, v8& m, v8& v) FMLX_INLINED {
    g = g * s.gradient_scale;
    m = s.beta1 * m + (1.0f - s.beta1) * g;
    v = s.beta2 * v + (1.0f - s.beta2) * g * g;
    return p * shrink - rate * m / (square_root(v) * root + s.epsilon);
  };
  each(
      count,
      [&](int k) FMLX_INLINED {
        size_t i = begin + k;
        v8 m = load(t.m + i), v = load(t.v + i), p = update(load(t.p + i), load(t.g + i), m, v);
        store(t.p_out + i, p);
        store(t.m_out + i, m);
        store(t.v_out + i, v);
      },
      [&](int k, int n) FMLX_INLINED {
        size_t i = begin + k;
        v8 m = load_some(t.m + i, n), v = load_some(t.v + i, n),
           p = update(load_some(t.p + i, n), load_some(t.g + i, n), m, v);
        store_some(t.p_out + i, p, n);
        store_some(t.m_out + i, m, n);
        store_some(t.v_out + i, v, n);
      });
}

struct MomentumPart {
  const float *p, *g, *v;
  float *p_out, *v_out;
};

FMLX_INLINE void momentum(const MomentumPart* part, size_t begin, int count,
                          const fmlx_momentum_step* step) {
  auto s = *step;
  auto t = *part;
  auto update = [&](v8 p, v8 g, v8& v) FMLX_INLINED {
    g = g * s.gradient_scale + p * s.weight_decay;
    v = s.momentum * v + g;
    return p - s.learning_rate * (s.nesterov ? g + s.momentum * v : v);
  };
  each(
      count,
      [&](int k) FMLX_INLINED {
        size_t i = begin + k;
        v8 v = load(t.v + i), p = update(load(t.p + i), load(t.g + i), v);
        store(t.p_out + i, p);
        store(t.v_out + i, v);
      },
      [&](int k, int n) FMLX_INLINED {
        size_t i = begin + k;
        v8 v = load_some(t.v + i, n), p = update(load_some(t.p + i, n), load_some(t.g + i, n), v);
        store_some(t.p_out + i, p, n);
        store_some(t.v_out + i, v, n);
      });
}

FMLX_INLINE void add_squares(const float* x, int count, double* total) {
  // Eight lanes of f32 for at most one chunk, then f64.
  v8 s = all(0);
  each(
      count,
      [&](int i) FMLX_INLINED {
        v8 a = load(x + i);
        s += a * a;
      },
      [&](int i, int n) FMLX_INLINED {
        v8 a = load_some(x + i, n);
        s += a * a;
      });
  *total = sum(s);
}

/// The elements of many arrays, cut into chunks of at most `chunk_elements` of one array.
struct Piece {
  size_t array, begin;
  int count;
};

std::vector<Piece> pieces(const Arrays& arrays) {
  std::vector<Piece> result;
  for (size_t a = 0; a < arrays.size(); a++) {
    for (size_t begin = 0; begin < arrays[a].size(); begin += chunk_elements) {
      result.push_back({a, begin, (int)std::min(chunk_elements, arrays[a].size() - begin)});
    }
  }
  return result;
}

/// Evaluated and row-major.
Arrays plain(Arrays arrays) {
  for (auto& array : arrays)
    array = array.status() == mx::array::Status::available && array.flags().row_contiguous
                ? array
                : mx::contiguous(array);
  mx::eval(arrays);
  return arrays;
}

/// Evaluates all, and checks that the lists have row-major f32 arrays of the gradients' shapes.
void require_like(const Arrays& gradients, std::initializer_list<fmlx_list> lists) {
  Arrays evaluated;
  for (auto list : lists) {
    for (size_t i = 0; i < gradients.size(); i++) evaluated.push_back(list[i]->array);
  }
  mx::eval(evaluated);
  // Tasks that have ended may still hold buffers until the stream has passed them.
  mx::synchronize();
  for (size_t i = 0; i < evaluated.size(); i++) {
    auto& array = evaluated[i];
    if (array.shape() != gradients[i % gradients.size()].shape() || array.dtype() != mx::float32 ||
        !array.flags().row_contiguous) {
      throw std::invalid_argument("optimizer: shapes do not match");
    }
  }
}

bool all_fused(const Arrays& arrays) {
  for (auto& array : arrays)
    if (!fused({&array})) return false;
  return true;
}

/// The array itself where it may be written, else a fresh one of its shape.
mx::array target(fmlx_array source, bool unique) {
  auto& array = source->array;
  if (unique && array.is_donatable() && array.flags().row_contiguous) return array;
  return mx::array(mx::allocator::malloc(array.nbytes()), array.shape(), mx::float32);
}

void give(const Arrays& arrays, fmlx_result out) {
  for (size_t i = 0; i < arrays.size(); i++) out[i] = wrap(arrays[i]);
}

}  // namespace
}  // namespace fmlx

using namespace fmlx;

extern "C" int fmlx_norm(fmlx_list list, size_t count, double* out) {
  return guard([&] {
    auto arrays = plain(unwrap(list, count));
    if (!all_fused(arrays)) {
      double total = 0;
      for (auto& array : arrays)
        total += mx::sum(mx::square(mx::astype(array, mx::float32))).item<float>();
      *out = std::sqrt(total);
      return;
    }
    auto all = pieces(arrays);
    std::vector<double> parts(all.size());
    parallel(all.size(), 1, [&](size_t i, size_t, size_t) {
      run<add_squares>(arrays[all[i].array].data<float>() + all[i].begin, all[i].count, &parts[i]);
    });
    double total = 0;
    for (double part : parts) total += part;
    *out = std::sqrt(total);
  });
}

extern "C" int fmlx_adamw(size_t count, fmlx_list p, fmlx_list gradients, fmlx_list m, fmlx_list v,
                          const bool* unique, const float* decay, fmlx_adamw_step step,
                          fmlx_result p_out, fmlx_result m_out, fmlx_result v_out) {
  return guard([&] {
    auto g = plain(unwrap(gradients, count));
    Arrays p_new, m_new, v_new;
    if (!all_fused(g)) {
      auto number = [](float x) { return mx::array(x); };
      for (size_t i = 0; i < count; i++) {
        auto scaled = g[i] * number(step.gradient_scale);
        m_new.push_back(m[i]->array * number(step.beta1) + scaled * number(1 - step.beta1));
        v_new.push_back(v[i]->array * number(step.beta2) +
                        mx::square(scaled) * number(1 - step.beta2));
        auto denominator =
            mx::sqrt(v_new[i]) * number(1 / std::sqrt(step.correction2)) + number(step.epsilon);
        p_new.push_back(p[i]->array * number(1 - step.learning_rate * decay[i]) -
                        number(step.learning_rate / step.correction1) * m_new[i] / denominator);
      }
      Arrays all(p_new);
      all.insert(all.end(), m_new.begin(), m_new.end());
      all.insert(all.end(), v_new.begin(), v_new.end());
      mx::eval(all);
    } else {
      std::vector<AdamWPart> parts;
      require_like(g, {p, m, v});
      for (size_t i = 0; i < count; i++) {
        p_new.push_back(target(p[i], unique[i]));
        m_new.push_back(target(m[i], unique[i]));
        v_new.push_back(target(v[i], unique[i]));
        parts.push_back({p[i]->array.data<float>(), g[i].data<float>(), m[i]->array.data<float>(),
                         v[i]->array.data<float>(), p_new[i].data<float>(), m_new[i].data<float>(),
                         v_new[i].data<float>(), decay[i]});
      }
      auto all = pieces(g);
      parallel(all.size(), 1, [&](size_t i, size_t, size_t) {
        run<adamw>((const AdamWPart*)&parts[all[i].array], all[i].begin, all[i].count,
                   (const fmlx_adamw_step*)&step);
      });
    }
    give(p_new, p_out);
    give(m_new, m_out);
    give(v_new, v_out);
  });
}

extern "C" int fmlx_momentum(size_t count, fmlx_list p, fmlx_list gradients, fmlx_list v,
                             const bool* unique, fmlx_momentum_step step, fmlx_result p_out,
                             fmlx_result v_out) {
  return guard([&] {
    auto g = plain(unwrap(gradients, count));
    Arrays p_new, v_new;
    if (!all_fused(g)) {
      auto number = [](float x) { return mx::array(x); };
      for (size_t i = 0; i < count; i++) {
        auto full = g[i] * number(step.gradient_scale) + p[i]->array * number(step.weight_decay);
        v_new.push_back(v[i]->array * number(step.momentum) + full);
        auto move = step.nesterov ? full + v_new[i] * number(step.momentum) : v_new[i];
        p_new.push_back(p[i]->array - move * number(step.learning_rate));
      }
      Arrays all(p_new);
      all.insert(all.end(), v_new.begin(), v_new.end());
      mx::eval(all);
    } else {
      std::vector<MomentumPart> parts;
      require_like(g, {p, v});
      for (size_t i = 0; i < count; i++) {
        p_new.push_back(target(p[i], unique[i]));
        v_new.push_back(target(v[i], unique[i]));
        parts.push_back({p[i]->array.data<float>(), g[i].data<float>(), v[i]->array.data<float>(),
                         p_new[i].data<float>(), v_new[i].data<float>()});
      }
      auto all = pieces(g);
      parallel(all.size(), 1, [&](size_t i, size_t, size_t) {
        run<momentum>((const MomentumPart*)&parts[all[i].array], all[i].begin, all[i].count,
                      (const fmlx_momentum_step*)&step);
      });
    }
    give(p_new, p_out);
    give(v_new, v_out);
  });
}
