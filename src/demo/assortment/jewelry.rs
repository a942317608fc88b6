//! Jewelry: eight motifs, each with a stone of its own, as six pieces in silver and gold.

use super::{Item, item};
use crate::demo::pictures::{Metal, Motif, Picture, Piece};

const MOTIFS: [(&str, &str, Motif, u32); 8] = [
    ("LEAF", "Leaf", Motif::Leaf, 100),
    ("HEART", "Heart", Motif::Heart, 115),
    ("DROP", "Drop", Motif::Drop, 130),
    ("MOON", "Moon", Motif::Moon, 90),
    ("KNOT", "Knot", Motif::Knot, 85),
    ("STAR", "Star", Motif::Star, 95),
    ("FLOWER", "Flower", Motif::Flower, 120),
    ("BUTTERFLY", "Butterfly", Motif::Butterfly, 140),
];

/// Code, name, category, piece, price in silver for a motif of 100, in cents.
const PIECES: [(&str, &str, &str, Piece, u32); 6] = [
    ("NECK", "necklace", "Jewelry/Necklaces", Piece::Necklace, 6400),
    ("NECKPETITE", "petite necklace", "Jewelry/Necklaces", Piece::PetiteNecklace, 4200),
    ("EARR", "drop earrings", "Jewelry/Earrings", Piece::Earrings, 4800),
    ("STUD", "stud earrings", "Jewelry/Earrings", Piece::Studs, 3200),
    ("RING", "ring", "Jewelry/Rings", Piece::Ring, 5200),
    ("BRAC", "bracelet", "Jewelry/Bracelets", Piece::Bracelet, 5800),
];

/// Code, name, metal, price in hundredths of silver's.
const METALS: [(&str, &str, Metal, u32); 2] =
    [("SILVER", "silver", Metal::Silver, 100), ("GOLD", "gold", Metal::Gold, 220)];

pub fn items() -> Vec<Item> {
    let mut items = Vec::new();
    for (piece_code, piece_name, category, piece, price) in PIECES {
        for (motif_code, motif_name, motif, worth) in MOTIFS {
            for (metal_code, metal_name, metal, factor) in METALS {
                let picture = Picture::Jewel { piece, motif, metal };
                let id = format!("{piece_code}-{motif_code}-{metal_code}");
                let title = format!("{motif_name} {piece_name} in {metal_name}");
                let price = price * worth / 100 * factor / 100;
                items.push(Item {
                    brand: "Merle & Finch",
                    material: metal_name,
                    ..item(id, title, category, price, picture)
                });
            }
        }
    }
    items
}
