//! Clothes for women and men: designs in a few colors each; the colors of a design are its variants.

use super::{Item, item};
use crate::demo::pictures::{Fit, Garment, Pattern, Picture};

/// A color's code, name and web notation.
type Dye = (&'static str, &'static str, u32);

const WHITE: Dye = ("WHITE", "white", 0xF4_F2_EC);
const BLACK: Dye = ("BLACK", "black", 0x26_26_2A);
const NAVY: Dye = ("NAVY", "navy", 0x22_35_5C);
const RED: Dye = ("RED", "red", 0xC2_32_3A);
const GREEN: Dye = ("GREEN", "green", 0x3D_6B_4F);
const SAND: Dye = ("SAND", "sand", 0xCD_B6_90);
const SKY: Dye = ("SKY", "sky blue", 0x9C_C0_E0);
const ROSE: Dye = ("ROSE", "rose", 0xE2_A0_AA);
const GRAY: Dye = ("GRAY", "gray", 0x9A_9C_A0);
const RUST: Dye = ("RUST", "rust", 0xB4_5A_35);

/// One design.
struct Design {
    code: &'static str,
    name: &'static str,
    category: &'static str,
    garment: Garment,
    fit: Fit,
    pattern: Pattern,
    /// In cents.
    price: u32,
    brand: &'static str,
    material: &'static str,
    dyes: &'static [Dye],
}

const CASUAL: &str = "Northloom";
const DRESSY: &str = "Ada Verne";

#[rustfmt::skip]
const DESIGNS: [Design; 35] = [
    design("WTEE-CREW", "Crew tee", "Women/Tops/Tees", Garment::Tee, Fit::Slim, Pattern::Plain, 1690, CASUAL, "cotton", &[WHITE, BLACK, ROSE, NAVY]),
    design("WTEE-BRETON", "Breton tee", "Women/Tops/Tees", Garment::Tee, Fit::Slim, Pattern::Stripes, 2290, CASUAL, "cotton", &[WHITE, SAND, SKY]),
    design("WTEE-DOTS", "Dotted tee", "Women/Tops/Tees", Garment::Tee, Fit::Regular, Pattern::Dots, 2490, DRESSY, "cotton", &[ROSE, NAVY, RED]),
    design("WTEE-POCKET", "Pocket tee", "Women/Tops/Tees", Garment::Tee, Fit::Wide, Pattern::Pocket, 2890, DRESSY, "linen", &[SAND, GREEN, WHITE]),
    design("WSHIRT-CLASSIC", "Classic shirt", "Women/Tops/Shirts", Garment::Shirt, Fit::Slim, Pattern::Plain, 3990, CASUAL, "cotton", &[WHITE, SKY, BLACK]),
    design("WSHIRT-STRIPE", "Striped shirt", "Women/Tops/Shirts", Garment::Shirt, Fit::Slim, Pattern::Stripes, 4590, CASUAL, "cotton", &[SKY, ROSE, WHITE]),
    design("WSHIRT-CHECK", "Checked shirt", "Women/Tops/Shirts", Garment::Shirt, Fit::Regular, Pattern::Checks, 4990, DRESSY, "flannel", &[RED, GREEN, SAND]),
    design("WSHIRT-LINEN", "Wide linen shirt", "Women/Tops/Shirts", Garment::Shirt, Fit::Wide, Pattern::Plain, 6490, DRESSY, "linen", &[SAND, WHITE, RUST]),
    design("WSWEAT-PLAIN", "Fine sweater", "Women/Tops/Sweaters", Garment::Sweater, Fit::Slim, Pattern::Plain, 4990, CASUAL, "cotton", &[ROSE, GRAY, NAVY]),
    design("WSWEAT-BAND", "Color-block sweater", "Women/Tops/Sweaters", Garment::Sweater, Fit::Regular, Pattern::Band, 5990, CASUAL, "wool", &[SAND, NAVY, GREEN]),
    design("WSWEAT-CABLE", "Cable sweater", "Women/Tops/Sweaters", Garment::Sweater, Fit::Wide, Pattern::Cables, 8490, DRESSY, "wool", &[WHITE, RUST, GRAY]),
    design("WSKIRT-PENCIL", "Pencil skirt", "Women/Bottoms/Skirts", Garment::Skirt, Fit::Slim, Pattern::Plain, 3590, CASUAL, "cotton", &[BLACK, NAVY, RED]),
    design("WSKIRT-DOTS", "Dotted skirt", "Women/Bottoms/Skirts", Garment::Skirt, Fit::Regular, Pattern::Dots, 3990, CASUAL, "cotton", &[RED, NAVY, ROSE]),
    design("WSKIRT-PLEATS", "Pleated skirt", "Women/Bottoms/Skirts", Garment::Skirt, Fit::Regular, Pattern::Pleats, 4890, DRESSY, "wool", &[GREEN, GRAY, SAND]),
    design("WSKIRT-MAXI", "Maxi skirt", "Women/Bottoms/Skirts", Garment::Skirt, Fit::Wide, Pattern::Band, 6290, DRESSY, "linen", &[RUST, SKY, BLACK]),
    design("WPANTS-SLIM", "Slim pants", "Women/Bottoms/Pants", Garment::Pants, Fit::Slim, Pattern::Plain, 3990, CASUAL, "cotton", &[BLACK, ROSE, GRAY]),
    design("WPANTS-TRACK", "Track pants", "Women/Bottoms/Pants", Garment::Pants, Fit::Regular, Pattern::Band, 4490, CASUAL, "cotton", &[NAVY, ROSE, GRAY]),
    design("WPANTS-WIDE", "Wide-leg pants", "Women/Bottoms/Pants", Garment::Pants, Fit::Wide, Pattern::Plain, 6990, DRESSY, "linen", &[SAND, RUST, WHITE]),
    design("MTEE-CREW", "Crew tee", "Men/Tops/Tees", Garment::Tee, Fit::Regular, Pattern::Plain, 1690, CASUAL, "cotton", &[WHITE, BLACK, NAVY, GRAY]),
    design("MTEE-STRIPE", "Striped tee", "Men/Tops/Tees", Garment::Tee, Fit::Regular, Pattern::Stripes, 2290, CASUAL, "cotton", &[WHITE, GREEN, NAVY]),
    design("MTEE-BAND", "Chest-band tee", "Men/Tops/Tees", Garment::Tee, Fit::Wide, Pattern::Band, 2590, CASUAL, "cotton", &[GRAY, RED, BLACK]),
    design("MTEE-POCKET", "Pocket tee", "Men/Tops/Tees", Garment::Tee, Fit::Regular, Pattern::Pocket, 2990, DRESSY, "linen", &[SAND, SKY, RUST]),
    design("MSHIRT-OXFORD", "Oxford shirt", "Men/Tops/Shirts", Garment::Shirt, Fit::Regular, Pattern::Plain, 4290, CASUAL, "cotton", &[WHITE, SKY, NAVY]),
    design("MSHIRT-STRIPE", "Striped shirt", "Men/Tops/Shirts", Garment::Shirt, Fit::Regular, Pattern::Stripes, 4890, DRESSY, "cotton", &[SKY, WHITE, GREEN]),
    design("MSHIRT-CHECK", "Flannel shirt", "Men/Tops/Shirts", Garment::Shirt, Fit::Wide, Pattern::Checks, 5490, CASUAL, "flannel", &[RED, GREEN, RUST]),
    design("MHOOD-PLAIN", "Hoodie", "Men/Tops/Hoodies", Garment::Hoodie, Fit::Regular, Pattern::Plain, 4990, CASUAL, "cotton", &[GRAY, BLACK, NAVY, GREEN]),
    design("MHOOD-BAND", "Color-block hoodie", "Men/Tops/Hoodies", Garment::Hoodie, Fit::Wide, Pattern::Band, 5990, CASUAL, "cotton", &[NAVY, RED, SAND]),
    design("MSWEAT-STRIPE", "Striped sweater", "Men/Tops/Sweaters", Garment::Sweater, Fit::Regular, Pattern::Stripes, 5990, CASUAL, "wool", &[NAVY, SAND, GRAY]),
    design("MSWEAT-CABLE", "Cable sweater", "Men/Tops/Sweaters", Garment::Sweater, Fit::Regular, Pattern::Cables, 8990, DRESSY, "wool", &[WHITE, NAVY, RUST]),
    design("MPANTS-CHINO", "Chinos", "Men/Bottoms/Pants", Garment::Pants, Fit::Slim, Pattern::Plain, 4490, CASUAL, "cotton", &[SAND, NAVY, GREEN]),
    design("MPANTS-CARGO", "Cargo pants", "Men/Bottoms/Pants", Garment::Pants, Fit::Regular, Pattern::Pocket, 5490, CASUAL, "cotton", &[GREEN, BLACK, SAND]),
    design("MPANTS-WOOL", "Pinstripe trousers", "Men/Bottoms/Pants", Garment::Pants, Fit::Regular, Pattern::Stripes, 7990, DRESSY, "wool", &[GRAY, NAVY, BLACK]),
    design("MSHORT-CHINO", "Chino shorts", "Men/Bottoms/Shorts", Garment::Shorts, Fit::Slim, Pattern::Plain, 2990, CASUAL, "cotton", &[SAND, NAVY, RED]),
    design("MSHORT-TRACK", "Track shorts", "Men/Bottoms/Shorts", Garment::Shorts, Fit::Regular, Pattern::Band, 2690, CASUAL, "cotton", &[BLACK, GREEN, SKY]),
    design("MSHORT-CARGO", "Cargo shorts", "Men/Bottoms/Shorts", Garment::Shorts, Fit::Regular, Pattern::Pocket, 3690, CASUAL, "cotton", &[GREEN, SAND, GRAY]),
];

pub fn items() -> Vec<Item> {
    DESIGNS.iter().flat_map(|design| design.dyes.iter().map(|&dye| variant(design, dye))).collect()
}

fn variant(design: &Design, (code, name, color): Dye) -> Item {
    let picture = Picture::Garment {
        garment: design.garment,
        fit: design.fit,
        pattern: design.pattern,
        color,
        accent: accent(design.pattern, color),
    };
    let id = format!("{}-{code}", design.code);
    let title = format!("{}, {name}", design.name);
    Item {
        group: Some(design.code.to_owned()),
        brand: design.brand,
        gender: if design.category.starts_with("Women") { "women" } else { "men" },
        material: design.material,
        ..item(id, title, design.category, design.price, picture)
    }
}

/// The second color: what the eye expects on light, dark and colored cloth.
fn accent(pattern: Pattern, color: u32) -> u32 {
    let [_, red, green, blue] = color.to_be_bytes().map(u32::from);
    let bright = red + 2 * green + blue > 560;
    let shade = |channel: u32| channel * 3 / 4;
    match pattern {
        // Knitted, sewn on or folded from the same cloth.
        Pattern::Cables | Pattern::Pocket | Pattern::Pleats => shade(red) << 16 | shade(green) << 8 | shade(blue),
        _ if bright => 0x2A_3A_5E,
        _ => 0xF0_EB_DF,
    }
}

#[expect(clippy::too_many_arguments, reason = "a row of the table above")]
const fn design(
    code: &'static str,
    name: &'static str,
    category: &'static str,
    garment: Garment,
    fit: Fit,
    pattern: Pattern,
    price: u32,
    brand: &'static str,
    material: &'static str,
    dyes: &'static [Dye],
) -> Design {
    Design { code, name, category, garment, fit, pattern, price, brand, material, dyes }
}
