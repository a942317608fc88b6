//! Whether a product can be sold tonight, from what shops write in their stock columns. This room refuses to guess: what
//! it cannot read is said to be unreadable.

/// What a flag such as `in_stock` says, in any case and with `_`, `-` and spaces alike; `None` when it cannot be read.
///
/// `1.0` is how a nullable flag leaves many exports. What is only on order cannot be sold tonight.
pub(crate) fn flag(text: &str) -> Option<bool> {
    match plain(text).as_str() {
        "true" | "t" | "yes" | "y" | "1" | "1.0" | "instock" | "available" => Some(true),
        "false" | "f" | "no" | "n" | "0" | "0.0" | "outofstock" | "unavailable" | "soldout" | "backorder"
        | "onbackorder" | "preorder" => Some(false),
        _ => None,
    }
}

/// What a stock column says: whether a whole number of any length is above zero, or a word as in [`flag`].
pub(super) fn stock(text: &str) -> Option<bool> {
    has_some(text).or_else(|| flag(text))
}

/// Whether a whole number of any length is above zero.
pub(super) fn has_some(text: &str) -> Option<bool> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (false, digits),
        None => (true, text),
    };
    let whole = match digits.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        Some(_) => return None,
        None => digits,
    };
    let is_number = !whole.is_empty() && whole.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| sign && whole.bytes().any(|b| b != b'0'))
}

/// In lower case; a text that starts with a letter also without what separates its words, so that `-1` keeps its sign.
fn plain(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic());
    text.chars().filter(|&c| !(is_word && matches!(c, '_' | '-' | ' '))).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_shops_are_read_and_no_others() {
        for text in ["in stock", "In_Stock", "IN-STOCK", "instock", "available", "TRUE", "1.0"] {
            assert_eq!((flag(text), stock(text)), (Some(true), Some(true)), "{text}");
        }
        for text in ["out of stock", "out_of-stock", "OutOfStock", "unavailable", "Sold Out", "back-order", "pre order"]
        {
            assert_eq!((flag(text), stock(text)), (Some(false), Some(false)), "{text}");
        }
        for text in ["-1", "maybe", "", "-", "2", "_1", "-available"] {
            assert_eq!(flag(text), None, "{text}");
        }
        assert_eq!(
            [stock("2"), stock("-1"), stock("0.00"), stock("1.5")],
            [Some(true), Some(false), Some(false), None]
        );
    }
}
