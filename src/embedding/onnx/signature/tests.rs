//! Models as they declare themselves, and what the configuration may say of them.

use super::*;

fn port(name: &str, shape: &[usize]) -> Port {
    let shape = shape.iter().map(|&length| (length > 0).then_some(length)).collect();
    Port { name: name.to_owned(), number: Ok(Number::F32), shape }
}

fn settings() -> Settings {
    Settings::new("m.onnx".into(), [0.5; 3], [0.5; 3])
}

/// 0 stands for an axis of any length.
fn of(settings: &Settings, input: &[usize], outputs: &[Port]) -> anyhow::Result<Signature> {
    Signature::of(settings, &[port("pixels", input)], outputs)
}

#[test]
fn layout_size_and_dimension_are_read_from_the_model() {
    let clip = [port("hidden", &[0, 50, 768]), port("embeds", &[0, 512]), port("logits", &[0, 1000])];
    let signature = of(&settings(), &[0, 3, 224, 224], &clip).expect("a signature");
    assert_eq!((signature.layout, signature.side), (Layout::Nchw, 224));
    assert_eq!((signature.batch, signature.fixed), (16, false));
    assert_eq!((signature.output.as_str(), signature.dimension), ("embeds", Some(512)));

    let keras = of(&settings(), &[4, 260, 260, 3], &[port("pooled", &[4, 1280, 1, 1])]).expect("a signature");
    assert_eq!((keras.layout, keras.side), (Layout::Nhwc, 260));
    assert_eq!((keras.batch, keras.fixed, keras.dimension), (4, true, Some(1280)));
}

#[test]
fn what_the_model_leaves_open_is_read_from_the_configuration() {
    let said = Settings {
        layout: Some(Layout::Nchw),
        size: Some(192),
        batch: Some(5),
        output: Some("second".into()),
        ..settings()
    };
    let outputs = [port("first", &[0, 8]), port("second", &[0, 0])];
    let signature = of(&said, &[0, 0, 0, 0], &outputs).expect("a signature");
    assert_eq!((signature.side, signature.batch, signature.fixed), (192, 5, false));
    assert_eq!((signature.output.as_str(), signature.dimension), ("second", None));
    assert!(signature.describe().contains("3 × 192 × 192 f32 (nchw), up to 5"), "{}", signature.describe());
}

#[test]
fn contradictions_and_gaps_are_errors_that_name_the_key() {
    let vector = [port("embeds", &[0, 512])];
    let wrong = [
        ("set `layout`", settings(), vec![0, 0, 0, 0]),
        ("set `layout`", settings(), vec![1, 3, 3, 3]),
        ("set `size`", settings(), vec![0, 3, 0, 0]),
        ("`layout = \"nhwc\"`", Settings { layout: Some(Layout::Nhwc), ..settings() }, vec![0, 3, 224, 224]),
        (
            "`layout = \"nchw\"` it has not three",
            Settings { layout: Some(Layout::Nchw), ..settings() },
            vec![0, 1, 8, 8],
        ),
        ("`size = 256`", Settings { size: Some(256), ..settings() }, vec![0, 3, 224, 224]),
        ("`batch = 2`", Settings { batch: Some(2), ..settings() }, vec![1, 3, 224, 224]),
        ("squares only", settings(), vec![0, 3, 224, 192]),
        ("four axes", settings(), vec![0, 3, 224]),
        ("`output = \"nothing\"`", Settings { output: Some("nothing".into()), ..settings() }, vec![0, 3, 224, 224]),
    ];
    for (expected, settings, input) in wrong {
        let error = of(&settings, &input, &vector).expect_err(expected).to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn models_that_want_more_than_a_picture_or_give_no_vector_are_refused() {
    let picture = || port("pixels", &[0, 3, 224, 224]);
    let vector = [port("embeds", &[0, 512])];
    let error = Signature::of(&settings(), &[port("tokens", &[0, 77]), picture()], &vector).expect_err("two inputs");
    assert!(error.to_string().contains("2 inputs (`tokens`, `pixels`)"), "{error}");

    let hidden = [port("hidden", &[0, 197, 768])];
    let error = Signature::of(&settings(), &[picture()], &hidden).expect_err("no vector").to_string();
    assert!(error.contains("`hidden` ? × 197 × 768"), "{error}");
    let named = Settings { output: Some("hidden".into()), ..settings() };
    let error = Signature::of(&named, &[picture()], &hidden).expect_err("no vector").to_string();
    assert!(error.contains("`output = \"hidden\"`"), "{error}");

    let bytes = Port { number: Err("u8".into()), ..picture() };
    let error = Signature::of(&settings(), &[bytes], &vector).expect_err("bytes").to_string();
    assert!(error.contains("`pixels` is u8"), "{error}");
}
