//! The layers of the network as functions on slices. This room refuses to know which network calls it.
//!
//! An activation is `side * side * channels` numbers: rows from the top, pixels from the left, channels together.

use super::weights::Layer;

/// What follows a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activation {
    Linear,
    Relu6,
}

/// Output values that are computed before their bias and activation are applied: half of a small L2 cache.
const VALUES_AT_ONCE: usize = 32 << 10;
/// Channels that a depthwise filter keeps in registers; every layer of the network has a multiple of it.
const LANES: usize = 16;

/// The first convolution, 3 x 3 with stride 2, on bytes: (byte - 127) / 128. Returns the output's side.
pub(super) fn stem(picture: &[u8], side: usize, layer: &Layer, output: &mut Vec<f32>) -> usize {
    const KERNEL: usize = 3;
    const STRIDE: usize = 2;
    const PATCH: usize = KERNEL * KERNEL * 3;
    let channels = layer.bias.len();
    let outputs = dimensions_after(side, STRIDE);
    output.resize(outputs * outputs * channels, 0.0);

    let mut patches = vec![0.0; outputs * PATCH];
    for (y, output_row) in output.chunks_exact_mut(outputs * channels).enumerate() {
        let rows = Window::at(y, side, KERNEL, STRIDE);
        patches.fill(0.0);
        for (x, patch) in patches.chunks_exact_mut(PATCH).enumerate() {
            let columns = Window::at(x, side, KERNEL, STRIDE);
            for row in 0..rows.length {
                let from = ((rows.input + row) * side + columns.input) * 3;
                let to = ((rows.tap + row) * KERNEL + columns.tap) * 3;
                let bytes = &picture[from..from + columns.length * 3];
                for (value, &byte) in patch[to..to + columns.length * 3].iter_mut().zip(bytes) {
                    *value = (f32::from(byte) - 127.0) / 128.0;
                }
            }
        }
        multiply(&patches, PATCH, &layer.weight, channels, output_row);
        finish(output_row, &layer.bias, Activation::Relu6);
    }
    outputs
}

/// A 1 x 1 convolution: each position's channels times the weight matrix.
pub(super) fn pointwise(input: &[f32], layer: &Layer, activation: Activation, output: &mut Vec<f32>) {
    let channels = layer.bias.len();
    let depth = layer.weight.len() / channels;
    let positions = input.len() / depth;
    output.resize(positions * channels, 0.0);

    let at_once = (VALUES_AT_ONCE / channels).max(1);
    for (input, output) in input.chunks(at_once * depth).zip(output.chunks_mut(at_once * channels)) {
        multiply(input, depth, &layer.weight, channels, output);
        finish(output, &layer.bias, activation);
    }
}

/// A `kernel` x `kernel` filter of each channel by itself, SAME padding, then `ReLU6`.
pub(super) fn depthwise(
    input: &[f32],
    side: usize,
    layer: &Layer,
    kernel: usize,
    stride: usize,
    output: &mut Vec<f32>,
) {
    let outputs = dimensions_after(side, stride);
    output.resize(outputs * outputs * layer.bias.len(), 0.0);
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: this processor has AVX2.
        return unsafe { depthwise_avx2(input, side, layer, kernel, stride, output) };
    }
    depthwise_portable(input, side, layer, kernel, stride, output);
}

/// The portable code compiled for wider registers. Products and sums stay separate operations, so the bits are the same.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn depthwise_avx2(input: &[f32], side: usize, layer: &Layer, kernel: usize, stride: usize, output: &mut [f32]) {
    depthwise_portable(input, side, layer, kernel, stride, output);
}

#[expect(clippy::inline_always, reason = "it is compiled anew for each instruction set that calls it")]
#[inline(always)]
fn depthwise_portable(input: &[f32], side: usize, layer: &Layer, kernel: usize, stride: usize, output: &mut [f32]) {
    let channels = layer.bias.len();
    let outputs = dimensions_after(side, stride);
    for (y, output_row) in output.chunks_exact_mut(outputs * channels).enumerate() {
        let rows = Window::at(y, side, kernel, stride);
        for (x, pixel) in output_row.chunks_exact_mut(channels).enumerate() {
            let columns = Window::at(x, side, kernel, stride);
            for (block, lanes) in pixel.chunks_exact_mut(LANES).enumerate() {
                let first = block * LANES;
                let mut sums: [f32; LANES] = lanes_at(&layer.bias, first);
                for row in 0..rows.length {
                    let from = ((rows.input + row) * side + columns.input) * channels;
                    let tap = ((rows.tap + row) * kernel + columns.tap) * channels;
                    let values = input[from..from + columns.length * channels].chunks_exact(channels);
                    let weights = layer.weight[tap..tap + columns.length * channels].chunks_exact(channels);
                    for (values, weights) in values.zip(weights) {
                        let (values, weights) = (lanes_at(values, first), lanes_at(weights, first));
                        for lane in 0..LANES {
                            sums[lane] += values[lane] * weights[lane];
                        }
                    }
                }
                for lane in 0..LANES {
                    lanes[lane] = sums[lane].clamp(0.0, 6.0);
                }
            }
        }
    }
}

#[expect(clippy::inline_always, reason = "it is compiled anew for each instruction set that calls it")]
#[inline(always)]
fn lanes_at(values: &[f32], first: usize) -> [f32; LANES] {
    values[first..first + LANES].try_into().expect("a slice of that length")
}

/// The mean over all positions, in f64, one number for each of the `channels`.
pub(super) fn mean_of_positions(input: &[f32], channels: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; channels];
    for position in input.chunks_exact(channels) {
        for (sum, &value) in sums.iter_mut().zip(position) {
            *sum += f64::from(value);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a few dozen positions")]
    let positions = (input.len() / channels) as f64;
    #[expect(clippy::cast_possible_truncation, reason = "features are f32")]
    sums.iter().map(|sum| (sum / positions) as f32).collect()
}

/// The side of what a SAME-padded convolution makes of a square with `side` pixels a side.
pub(super) fn dimensions_after(side: usize, stride: usize) -> usize {
    side.div_ceil(stride)
}

/// The part of a filter that lies on the picture, along one axis.
#[derive(Debug, PartialEq, Eq)]
struct Window {
    /// The first pixel under it.
    input: usize,
    /// The tap that lies on that pixel.
    tap: usize,
    /// How many taps lie on the picture.
    length: usize,
}

impl Window {
    /// For output `position`, with TensorFlow's SAME padding: what is odd about it goes to the end.
    fn at(position: usize, side: usize, kernel: usize, stride: usize) -> Window {
        let covered = (dimensions_after(side, stride) - 1) * stride + kernel;
        let before = covered.saturating_sub(side) / 2;
        let start = position * stride;
        let tap = before.saturating_sub(start);
        let input = (start + tap) - before;
        Window { input, tap, length: (kernel - tap).min(side - input) }
    }
}

/// Adds the bias of each channel and applies the activation.
fn finish(values: &mut [f32], bias: &[f32], activation: Activation) {
    for position in values.chunks_exact_mut(bias.len()) {
        match activation {
            Activation::Linear => position.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias),
            Activation::Relu6 => {
                position.iter_mut().zip(bias).for_each(|(value, bias)| *value = (*value + bias).clamp(0.0, 6.0));
            }
        }
    }
}

/// `output = left * right`, all row-major: `left` has rows of `depth`, `right` and `output` rows of `width`.
fn multiply(left: &[f32], depth: usize, right: &[f32], width: usize, output: &mut [f32]) {
    let height = output.len() / width;
    assert!(left.len() == height * depth && right.len() == depth * width && output.len() == height * width);
    let stride = |columns: usize| isize::try_from(columns).expect("rows of a layer are short");
    // SAFETY: the assertion above keeps every row and column that the strides reach inside its slice, and `output` is
    // borrowed mutably, so it overlaps neither operand.
    unsafe {
        gemm::gemm(
            height,
            width,
            depth,
            output.as_mut_ptr(),
            1,
            stride(width),
            false,
            left.as_ptr(),
            1,
            stride(depth),
            right.as_ptr(),
            1,
            stride(width),
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_puts_the_odd_pixel_at_the_end() {
        // 224 -> 112 with 3 x 3, stride 2: one pixel of padding in all, after the last one.
        assert_eq!(Window::at(0, 224, 3, 2), Window { input: 0, tap: 0, length: 3 });
        assert_eq!(Window::at(111, 224, 3, 2), Window { input: 222, tap: 0, length: 2 });
        // 56 -> 28 with 5 x 5, stride 2: three pixels, one before and two after.
        assert_eq!(Window::at(0, 56, 5, 2), Window { input: 0, tap: 1, length: 4 });
        assert_eq!(Window::at(27, 56, 5, 2), Window { input: 53, tap: 0, length: 3 });
        // 7 -> 7 with 5 x 5: two before and two after.
        assert_eq!(Window::at(0, 7, 5, 1), Window { input: 0, tap: 2, length: 3 });
        assert_eq!(Window::at(3, 7, 5, 1), Window { input: 1, tap: 0, length: 5 });
        assert_eq!(Window::at(6, 7, 5, 1), Window { input: 4, tap: 0, length: 3 });
        // An odd side with stride 2: symmetric after all.
        assert_eq!(Window::at(0, 7, 3, 2), Window { input: 0, tap: 1, length: 2 });
        assert_eq!(Window::at(3, 7, 3, 2), Window { input: 5, tap: 0, length: 2 });
        // A filter wider than the picture.
        assert_eq!(Window::at(0, 1, 5, 2), Window { input: 0, tap: 2, length: 1 });
    }

    #[test]
    fn a_depthwise_filter_sees_its_neighbors_and_zeros_beyond() {
        // Channel 0 sums its window; channel 1 takes the tap below and to the right of the middle; the others give their bias.
        let mut weight = vec![0.0; 9 * LANES];
        (0..9).for_each(|tap| weight[tap * LANES] = 1.0);
        weight[8 * LANES + 1] = 1.0;
        let mut bias = vec![0.5; LANES];
        bias[0] = 0.0;
        bias[1] = 0.0;
        let mut input = vec![9.0; 9 * LANES];
        for position in 0..9 {
            input[position * LANES] = 0.25;
            input[position * LANES + 1] = position as f32;
        }
        let mut output = Vec::new();
        depthwise(&input, 3, &Layer { weight, bias }, 3, 1, &mut output);
        let channel = |c| output.iter().skip(c).step_by(LANES).copied().collect::<Vec<f32>>();
        assert_eq!(channel(0), [1.0, 1.5, 1.0, 1.5, 2.25, 1.5, 1.0, 1.5, 1.0]);
        assert_eq!(channel(1), [4.0, 5.0, 0.0, 6.0, 6.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(channel(15), [0.5; 9]);
    }

    #[test]
    fn a_pointwise_convolution_is_the_same_in_pieces() {
        // More positions than are computed at once, with a last piece that is not full.
        let (depth, channels, positions) = (3, 1024, 2 * VALUES_AT_ONCE / 1024 + 5);
        let weight: Vec<f32> = (0..depth * channels).map(|i| (i % 7) as f32 - 3.0).collect();
        let bias: Vec<f32> = (0..channels).map(|i| (i % 5) as f32).collect();
        let input: Vec<f32> = (0..positions * depth).map(|i| (i % 11) as f32 - 5.0).collect();
        let layer = Layer { weight, bias };
        let (mut linear, mut limited) = (Vec::new(), vec![1e9; 7]);
        pointwise(&input, &layer, Activation::Linear, &mut linear);
        pointwise(&input, &layer, Activation::Relu6, &mut limited);
        for position in 0..positions {
            for channel in 0..channels {
                // Small whole numbers: exact in any order.
                let exact = (0..depth).fold(layer.bias[channel], |sum, i| {
                    sum + input[position * depth + i] * layer.weight[i * channels + channel]
                });
                assert_eq!(linear[position * channels + channel], exact);
                assert_eq!(limited[position * channels + channel], exact.clamp(0.0, 6.0));
            }
        }
    }

    #[test]
    fn the_stem_reads_bytes_around_127_and_pads_with_zero() {
        let channels = 32;
        let layer = Layer { weight: vec![1.0; 27 * channels], bias: vec![0.0; channels] };
        let mut output = Vec::new();
        assert_eq!(stem(&[143; 4 * 4 * 3], 4, &layer, &mut output), 2);
        // (143 - 127) / 128 = 1/8 for each value under the window: 27, 18, 18 and 12 of them.
        let seen: Vec<f32> = output.iter().copied().step_by(channels).collect();
        assert_eq!(seen, [27.0 / 8.0, 18.0 / 8.0, 18.0 / 8.0, 12.0 / 8.0]);
        stem(&[0; 4 * 4 * 3], 4, &layer, &mut output);
        assert!(output.iter().all(|&v| v == 0.0));
    }

    #[test]
    fn the_mean_is_taken_for_each_channel() {
        assert_eq!(mean_of_positions(&[1.0, 10.0, 2.0, 20.0, 6.0, 60.0], 2), [3.0, 30.0]);
    }
}
