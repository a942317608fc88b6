//! Things for the home: sizes and colors are variants, a larger size is dearer.

use super::{Item, item, size_names};
use crate::demo::pictures::{Art, Lamp, Picture, Size, Weave};

const LAMPS: [(&str, &str, Lamp, u32); 6] = [
    ("DRUM", "Drum table lamp", Lamp::Drum, 8900),
    ("CONE", "Cone table lamp", Lamp::Cone, 5900),
    ("GLOBE", "Globe lamp", Lamp::Globe, 7400),
    ("TRIPOD", "Tripod lamp", Lamp::Tripod, 11_900),
    ("MUSHROOM", "Mushroom lamp", Lamp::Mushroom, 9900),
    ("DESK", "Desk lamp", Lamp::Desk, 6900),
];
const SHADES: [(&str, &str, u32); 3] =
    [("CREAM", "cream", 0xF0_E2_C4), ("TEAL", "teal", 0x2F_7A_7C), ("BRICK", "brick red", 0xB5_4A_35)];

const VASES: [(&str, &str, u32); 6] = [
    ("BOTTLE", "Bottle vase", 3400),
    ("RIBBED", "Ribbed vase", 4200),
    ("NECK", "Slender-neck vase", 3900),
    ("BOWL", "Banded round vase", 4600),
    ("TRUMPET", "Trumpet vase", 3600),
    ("AMPHORA", "Dipped amphora", 5400),
];
const GLAZES: [(&str, &str, u32); 2] = [("BLUE", "blue", 0x3E_6D_A8), ("TERRA", "terracotta", 0xC0_6A_42)];

const POSTERS: [(&str, &str, Art, u32); 8] = [
    ("MOUNTAINS", "Mountains at dusk", Art::Mountains, 1900),
    ("WAVES", "Waves", Art::Waves, 1900),
    ("FERN", "Fern", Art::Fern, 1700),
    ("ARCHES", "Arches", Art::Arches, 2100),
    ("SKYLINE", "Skyline at night", Art::Skyline, 2100),
    ("PHASES", "Phases of the moon", Art::Phases, 2400),
    ("CIRCLES", "Three circles", Art::Circles, 2400),
    ("SAILBOAT", "Sailboat", Art::Sailboat, 1900),
];

/// Code, name, weave, price of the small size, color, accent.
const RUGS: [(&str, &str, Weave, u32, u32, u32); 6] = [
    ("BORDER", "Bordered rug", Weave::Border, 9900, 0x8E_2F_2F, 0xE5_C9_98),
    ("STRIPES", "Striped rug", Weave::Stripes, 6900, 0xE9_E1_D2, 0x3B_4F_6E),
    ("DIAMONDS", "Diamond rug", Weave::Diamonds, 11_900, 0xEF_E9_DC, 0x3A_35_30),
    ("ZIGZAG", "Zigzag rug", Weave::Zigzag, 8400, 0xD9_A4_4A, 0x6B_3A_22),
    ("ROUND", "Round jute rug", Weave::Round, 7900, 0xC9_AC_7C, 0x8A_6A_3E),
    ("DOTS", "Dotted rug", Weave::Dots, 7400, 0x6F_8F_86, 0xF1_EB_DD),
];

const CUSHIONS: [(&str, &str, Weave, u32); 5] = [
    ("BORDER", "Bordered cushion", Weave::Border, 2900),
    ("STRIPES", "Striped cushion", Weave::Stripes, 2400),
    ("DIAMONDS", "Diamond cushion", Weave::Diamonds, 3400),
    ("ZIGZAG", "Zigzag cushion", Weave::Zigzag, 2700),
    ("DOTS", "Dotted cushion", Weave::Dots, 2200),
];
const FABRICS: [(&str, &str, u32, u32); 3] = [
    ("MUSTARD", "mustard", 0xD6_A1_3B, 0xF7_EE_D8),
    ("INDIGO", "indigo", 0x34_41_76, 0xE8_E4_DA),
    ("BLUSH", "blush", 0xE3_B0_A4, 0x8C_3F_3F),
];

/// Price of a size, in tenths of the small one's.
const SIZES: [(Size, u32); 3] = [(Size::Small, 10), (Size::Medium, 16), (Size::Large, 25)];

const BRAND: &str = "Hearth & Heron";

pub fn items() -> Vec<Item> {
    let mut items = Vec::new();
    for (code, name, lamp, price) in LAMPS {
        for (shade, color_name, color) in SHADES {
            let (id, title) = (format!("LAMP-{code}-{shade}"), format!("{name}, {color_name}"));
            items.push(variant(
                format!("LAMP-{code}"),
                item(id, title, "Home/Lamps", price, Picture::Lamp { lamp, color }),
            ));
        }
    }
    for (style, (code, name, price)) in (0_u8..).zip(VASES) {
        for (glaze, color_name, color) in GLAZES {
            for (size, tenths) in [SIZES[0], SIZES[2]] {
                let (letter, word) = size_names(size);
                let (id, title) = (format!("VASE-{code}-{glaze}-{letter}"), format!("{name}, {color_name}, {word}"));
                let vase = item(id, title, "Home/Vases", price * tenths / 10, Picture::Vase { style, color, size });
                items.push(Item { material: "ceramic", ..variant(format!("VASE-{code}"), vase) });
            }
        }
    }
    for (code, name, art, price) in POSTERS {
        for (size, tenths) in SIZES {
            let (letter, word) = size_names(size);
            let (id, title) = (format!("POSTER-{code}-{letter}"), format!("Poster \"{name}\", {word}"));
            let poster = item(id, title, "Home/Posters", price * tenths / 10, Picture::Poster { art, size });
            items.push(Item { material: "paper", ..variant(format!("POSTER-{code}"), poster) });
        }
    }
    for (code, name, weave, price, color, accent) in RUGS {
        for (size, tenths) in SIZES {
            let (letter, word) = size_names(size);
            let (id, title) = (format!("RUG-{code}-{letter}"), format!("{name}, {word}"));
            let rug = item(id, title, "Home/Rugs", price * tenths / 10, Picture::Rug { weave, color, accent, size });
            items.push(Item {
                material: if code == "ROUND" { "jute" } else { "wool" },
                ..variant(format!("RUG-{code}"), rug)
            });
        }
    }
    for (code, name, weave, price) in CUSHIONS {
        for (fabric, color_name, color, accent) in FABRICS {
            let (id, title) = (format!("CUSHION-{code}-{fabric}"), format!("{name}, {color_name}"));
            let cushion = item(id, title, "Home/Cushions", price, Picture::Cushion { weave, color, accent });
            items.push(Item { material: "cotton", ..variant(format!("CUSHION-{code}"), cushion) });
        }
    }
    items
}

fn variant(group: String, item: Item) -> Item {
    Item { group: Some(group), brand: BRAND, ..item }
}
