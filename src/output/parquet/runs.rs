//! Parquet's hybrid of runs and packed bits, which writes small numbers: dictionary places and levels.
//!
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE>

/// Values that are packed together, and the fewest that are worth a run.
const GROUP: usize = 8;

/// Packed values behind one header: as many as have a header of one byte.
const PACKED: usize = 63 * GROUP;

/// The bits that the largest of `count` numbers from 0 takes.
pub(super) fn width(count: usize) -> u8 {
    let bits = usize::BITS - count.saturating_sub(1).leading_zeros();
    u8::try_from(bits).expect("at most 64 bits")
}

/// Appends `values`, each of at most `width` bits.
pub(super) fn encode(values: &[u32], width: u8, out: &mut Vec<u8>) {
    let mut rest = values;
    let mut packed = 0;
    while packed < rest.len() {
        let run = equal(&rest[packed..]);
        if run < GROUP {
            packed += GROUP;
            continue;
        }
        pack(&rest[..packed], width, out);
        repeat(rest[packed], run, width, out);
        rest = &rest[packed + run..];
        packed = 0;
    }
    pack(rest, width, out);
}

/// Appends one value `count` times.
pub(super) fn repeat(value: u32, count: usize, width: u8, out: &mut Vec<u8>) {
    varint(count << 1, out);
    out.extend_from_slice(&value.to_le_bytes()[..usize::from(width).div_ceil(8)]);
}

/// How many of the first values are equal, counted only where the first group of them is.
fn equal(values: &[u32]) -> usize {
    let Some(group) = values.first_chunk::<GROUP>() else { return 0 };
    if group.iter().any(|&value| value != group[0]) {
        return 0;
    }
    values.iter().position(|&value| value != group[0]).unwrap_or(values.len())
}

/// Appends whole groups of packed values, the last one filled up with zeros: only the last of all may need that.
fn pack(values: &[u32], width: u8, out: &mut Vec<u8>) {
    for together in values.chunks(PACKED) {
        varint(together.len().div_ceil(GROUP) << 1 | 1, out);
        for group in together.chunks(GROUP) {
            let mut filled = [0; GROUP];
            filled[..group.len()].copy_from_slice(group);
            let (mut bits, mut held) = (0_u64, 0);
            for value in filled {
                bits |= u64::from(value) << held;
                held += u32::from(width);
                if held >= u32::BITS {
                    out.extend_from_slice(&low(bits));
                    bits >>= u32::BITS;
                    held -= u32::BITS;
                }
            }
            out.extend_from_slice(&low(bits)[..(held / 8) as usize]);
        }
    }
}

/// The low 32 bits.
fn low(bits: u64) -> [u8; 4] {
    let [a, b, c, d, ..] = bits.to_le_bytes();
    [a, b, c, d]
}

fn varint(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads as the format's documentation says, bit by bit.
    fn decode(mut bytes: &[u8], width: u8, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let (mut header, mut shift) = (0_usize, 0);
            loop {
                header |= usize::from(bytes[0] & 0x7F) << shift;
                shift += 7;
                let is_last = bytes[0] < 0x80;
                bytes = &bytes[1..];
                if is_last {
                    break;
                }
            }
            let (n, is_packed) = (header >> 1, header & 1 == 1);
            let taken = if is_packed { n * usize::from(width) } else { usize::from(width).div_ceil(8) };
            let bit = |at: usize| u32::from(bytes[at / 8] >> (at % 8) & 1);
            let number =
                |at: usize| (0..usize::from(width)).map(|i| bit(at * usize::from(width) + i) << i).sum::<u32>();
            if is_packed {
                values.extend((0..n * GROUP).map(number));
            } else {
                values.extend(std::iter::repeat_n(number(0), n));
            }
            bytes = &bytes[taken..];
        }
        assert!(bytes.is_empty());
        assert!(values.split_off(count).iter().all(|&filling| filling == 0));
        values
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_again(
            width in 0_u8..=32,
            runs in proptest::collection::vec((any::<u32>(), prop_oneof![Just(1_usize), 1_usize..40]), 0..60),
        ) {
            let mask = u32::MAX.checked_shr(32 - u32::from(width)).unwrap_or(0);
            let values: Vec<u32> = runs.iter().flat_map(|&(value, n)| std::iter::repeat_n(value & mask, n)).collect();
            let mut bytes = Vec::new();
            encode(&values, width, &mut bytes);
            prop_assert_eq!(decode(&bytes, width, values.len()), values);
        }
    }

    #[test]
    fn widths_hold_the_largest_number() {
        assert_eq!([0, 1, 2, 3, 4, 5, 256, 257].map(width), [0, 0, 1, 2, 2, 3, 8, 9]);
    }
}
