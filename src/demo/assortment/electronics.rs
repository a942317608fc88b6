//! Phones in storage tiers, cases that fit them, headphones, and warranties, which have no picture.

use super::{Item, item};
use crate::demo::pictures::{Device, Headphones, Picture};

/// Code, name, model, price of the phone with the least storage, price of its case.
const DEVICES: [(&str, &str, Device, u32, u32); 5] = [
    ("MINI", "Mini", Device::Mini, 59_900, 1900),
    ("ONE", "One", Device::One, 69_900, 2200),
    ("PLUS", "Plus", Device::Plus, 79_900, 2500),
    ("PRO", "Pro", Device::Pro, 99_900, 2900),
    ("MAX", "Max", Device::Max, 119_900, 3400),
];
const STORAGE: [(u32, u32); 3] = [(128, 0), (256, 10_000), (512, 20_000)];
const BODIES: [(&str, &str, u32); 2] = [("GRAPHITE", "graphite", 0x3C_40_48), ("MINT", "mint", 0xA9_D3_C2)];
const CASES: [(&str, &str, u32); 4] = [
    ("BLACK", "black", 0x2B_2B_2F),
    ("RED", "red", 0xC9_36_3E),
    ("SKY", "sky blue", 0x86_B8_E0),
    ("SAND", "sand", 0xD8_C3_A0),
];

const HEADPHONES: [(&str, &str, Headphones, u32); 5] = [
    ("STUDIO", "Studio headphones", Headphones::Studio, 24_900),
    ("SLIM", "Slim on-ear headphones", Headphones::Slim, 8900),
    ("GAMING", "Gaming headset", Headphones::Gaming, 13_900),
    ("BUDS", "Wireless earbuds", Headphones::Buds, 12_900),
    ("SPORT", "Sport neckband earphones", Headphones::Sport, 6900),
];
const PLASTICS: [(&str, &str, u32); 3] =
    [("BLACK", "black", 0x2E_2F_34), ("WHITE", "white", 0xEC_EC_EA), ("CORAL", "coral", 0xE8_6F_5A)];

/// A twentieth of the dearest phone at least, a fifth of the cheapest at most, also when it is reduced.
const WARRANTIES: [(&str, &str, u32); 5] = [
    ("BATTERY-2Y", "Battery care for phones, 2 years", 7000),
    ("SCREEN-1Y", "Screen care for phones, 1 year", 7500),
    ("ACCIDENT-1Y", "Accident care for phones, 1 year", 8500),
    ("SCREEN-2Y", "Screen care for phones, 2 years", 8900),
    ("FULL-2Y", "Full care for phones, 2 years", 9900),
];

const BRAND: &str = "Tindra";

pub fn items() -> Vec<Item> {
    let mut items = Vec::new();
    for (code, name, device, price, _) in DEVICES {
        for (body, color_name, color) in BODIES {
            for (gigabytes, extra) in STORAGE {
                let id = format!("PHONE-{code}-{body}-{gigabytes}");
                let title = format!("{BRAND} {name} phone, {gigabytes} GB, {color_name}");
                let phone = item(id, title, "Electronics/Phones", price + extra, Picture::Phone { device, color });
                // Storage cannot be seen: the tiers share a picture.
                let image = Some((format!("phone-{code}-{body}").to_lowercase(), Picture::Phone { device, color }));
                items.push(Item { image, group: Some(format!("PHONE-{code}")), brand: BRAND, ..phone });
            }
        }
    }
    for (code, name, device, _, price) in DEVICES {
        for (dye, color_name, color) in CASES {
            let (id, title) = (format!("CASE-{code}-{dye}"), format!("Case for {BRAND} {name}, {color_name}"));
            let case = item(id, title, "Electronics/Cases", price, Picture::Case { device, color });
            items.push(Item { group: Some(format!("CASE-{code}")), brand: BRAND, material: "silicone", ..case });
        }
    }
    for (code, name, headphones, price) in HEADPHONES {
        for (dye, color_name, color) in PLASTICS {
            let (id, title) = (format!("HEAD-{code}-{dye}"), format!("{name}, {color_name}"));
            let pair = item(id, title, "Electronics/Headphones", price, Picture::Headphones { headphones, color });
            items.push(Item { group: Some(format!("HEAD-{code}")), brand: "Okto Audio", ..pair });
        }
    }
    for (code, title, price) in WARRANTIES {
        items.push(Item {
            id: format!("CARE-{code}"),
            title: title.to_owned(),
            category: "Electronics/Warranties",
            price,
            sale_price: None,
            group: None,
            brand: BRAND,
            in_stock: true,
            gender: "",
            material: "",
            image: None,
        });
    }
    items
}
