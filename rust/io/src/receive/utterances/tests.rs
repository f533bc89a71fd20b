use super::*;
use isocord_proto::recv::FrameKind;

const MS: u64 = SAMPLE_RATE as u64 / 1_000;
const FRAME: u64 = FRAME_SAMPLES as u64;
const BEGIN: u64 = 96_000;

fn endpoints() -> Endpoints {
    Endpoints {
        silence: 600 * MS,
        min_speech: 100 * MS,
        max_length: 30_000 * MS,
        pre_roll: 200 * MS,
        vad: true,
        partial: false,
    }
}

/// The `number`th frame of a row, whose data tells which it is.
fn frame(user_id: u64, number: u64, letter: char) -> Out {
    let (kind, level, speech) = match letter {
        'S' => (Some(FrameKind::Voice), -20.0, 0.9),
        'n' => (Some(FrameKind::Voice), -25.0, 0.1),
        // What clients send instead of zeros.
        'z' => (Some(FrameKind::Voice), -92.0, 0.0),
        _ => (None, f32::NEG_INFINITY, 0.0),
    };
    Out::Frame(Shaped {
        user_id,
        position: BEGIN + number * FRAME,
        samples: 960,
        kind,
        received: None,
        level: Some(level),
        speech: Some(speech),
        data: (number as u16).to_le_bytes().to_vec(),
    })
}

/// A row as a string: a letter and how often it comes.
fn row(story: &str) -> Vec<char> {
    let mut letters = Vec::new();
    for word in story.split_whitespace() {
        let (letter, count) = word.split_at(1);
        letters.extend(std::iter::repeat_n(letter.chars().next().unwrap(), count.parse().unwrap()));
    }
    letters
}

fn parts(endpoints: Endpoints, story: &str) -> Vec<Part> {
    let mut segmenter = Segmenter::new(endpoints.check().unwrap());
    let mut parts = Vec::new();
    for (number, letter) in row(story).into_iter().enumerate() {
        segmenter.take(frame(7, number as u64, letter), &mut |part| parts.push(part));
    }
    segmenter.finish(&mut |part| parts.push(part));
    parts
}

/// The first and the last frame of each utterance, and why it ended; checks that the data is theirs.
fn told(endpoints: Endpoints, story: &str) -> Vec<(u64, u64, Ended)> {
    let told = parts(endpoints, story).into_iter().map(|part| {
        let frames = (part.start - BEGIN) / FRAME..(part.end - BEGIN) / FRAME;
        let data: Vec<u8> = frames.clone().flat_map(|number| (number as u16).to_le_bytes()).collect();
        assert_eq!(part.data, data, "{story}");
        (frames.start, frames.end - 1, part.ended.unwrap())
    });
    told.collect()
}

#[test]
fn where_utterances_begin_and_end() {
    use Ended::{Closed, Length, Silence};
    let packets = Endpoints { vad: false, ..endpoints() };
    let short = Endpoints { max_length: SECOND, ..endpoints() };
    let eager = Endpoints { min_speech: 0, pre_roll: 0, silence: 100 * MS, ..endpoints() };
    for (name, endpoints, story, expected) in [
        ("nobody", endpoints(), "-200", vec![]),
        (
            "a word, what was before and the silence after",
            endpoints(),
            "-50 S20 -50",
            vec![(40, 99, Silence)],
        ),
        ("at once after the row began", endpoints(), "S20 -50", vec![(0, 49, Silence)]),
        ("a pause is none", endpoints(), "-20 S20 -29 S20 -50", vec![(10, 118, Silence)]),
        ("two", endpoints(), "-20 S20 -30 S20 -50", vec![(10, 69, Silence), (70, 119, Silence)]),
        ("a click", endpoints(), "-50 S4 -50", vec![]),
        ("clicks far apart", endpoints(), "-50 S4 -16 S4 -16 S4 -16", vec![]),
        ("syllables", endpoints(), "-50 S3 -15 S2 -50", vec![(40, 99, Silence)]),
        ("noise begins none", endpoints(), "n500", vec![]),
        ("noise ends one", endpoints(), "n50 S20 n500", vec![(40, 99, Silence)]),
        ("Discord's silence ends one", endpoints(), "n50 S20 n5 -500", vec![(40, 99, Silence)]),
        ("whoever stops, it is not lost", endpoints(), "-50 S20", vec![(40, 69, Closed)]),
        ("in doubt it is", endpoints(), "-50 S4", vec![]),
        (
            "a long one is cut, nothing between",
            short,
            "-20 S100 -50",
            vec![(10, 59, Length), (60, 109, Length), (110, 149, Silence)],
        ),
        ("cut in a pause", short, "S45 -10 S10 -50", vec![(0, 49, Length), (50, 94, Silence)]),
        ("cut at its end", short, "S50", vec![(0, 49, Length)]),
        ("without a detector packets are speech", packets, "-20 n20 -50", vec![(10, 69, Silence)]),
        ("and silence that is sent is not", packets, "-20 n20 z50", vec![(10, 69, Silence)]),
        ("as eager as can be", eager, "-20 S1 -5 n9", vec![(20, 25, Silence)]),
    ] {
        assert_eq!(told(endpoints, story), expected, "{name}");
    }
}

#[test]
fn parts_are_the_whole_as_it_comes() {
    for story in ["-50 S20 -29 S3 n80", "S200 -5", "-9 S60 -20 S60 -40"] {
        let endpoints = Endpoints { max_length: SECOND, ..endpoints() };
        let whole = parts(endpoints, story);
        let partial = parts(Endpoints { partial: true, ..endpoints }, story);
        let mut put_together: Vec<Part> = Vec::new();
        for part in partial {
            match put_together.last_mut() {
                Some(last) if last.number == part.number => {
                    assert!(last.ended.is_none() && last.end == part.start);
                    last.data.extend(part.data);
                    (last.end, last.ended) = (part.end, part.ended);
                }
                _ => put_together.push(part),
            }
        }
        assert_eq!(put_together, whole, "{story}");
    }
}

#[test]
fn users_are_told_apart_and_one_who_leaves_has_spoken() {
    let mut segmenter = Segmenter::new(endpoints());
    let mut got = Vec::new();
    for number in 0..30 {
        for user_id in [7, 8] {
            segmenter.take(frame(user_id, number, 'S'), &mut |part| got.push(part));
        }
    }
    segmenter.take(Out::Ended(8), &mut |part| got.push(part));
    segmenter.take(Out::Ended(9), &mut |part| got.push(part));
    // Comes back: the row begins anew.
    for number in 100..110 {
        segmenter.take(frame(8, number, 'S'), &mut |part| got.push(part));
    }
    segmenter.finish(&mut |part| got.push(part));
    let told: Vec<_> = got.iter().map(|part| (part.user_id, part.start, part.end, part.ended)).collect();
    let at = |number: u64| BEGIN + number * FRAME;
    assert_eq!(
        told,
        [
            (8, at(0), at(30), Some(Ended::Left)),
            (7, at(0), at(30), Some(Ended::Closed)),
            (8, at(100), at(110), Some(Ended::Closed)),
        ]
    );
}

#[test]
fn a_row_with_a_hole_ends_what_was_said_before_it() {
    let mut segmenter = Segmenter::new(endpoints());
    let mut got = Vec::new();
    for number in (0..20).chain(25..45) {
        segmenter.take(frame(7, number, 'S'), &mut |part| got.push(part));
    }
    segmenter.finish(&mut |part| got.push(part));
    assert_eq!(got.len(), 2);
    assert_eq!((got[0].end, got[0].ended), (BEGIN + 20 * FRAME, Some(Ended::Silence)));
    assert_eq!((got[1].start, got[1].ended), (BEGIN + 25 * FRAME, Some(Ended::Closed)));
}

#[test]
fn nonsense_is_refused() {
    for (endpoints, error) in [
        (Endpoints { silence: 0, ..endpoints() }, EndpointsError::Silence),
        (Endpoints { silence: MAX_SILENCE + 1, ..endpoints() }, EndpointsError::Silence),
        (Endpoints { min_speech: MAX_MIN_SPEECH + 1, ..endpoints() }, EndpointsError::MinSpeech),
        (Endpoints { max_length: SECOND - 1, ..endpoints() }, EndpointsError::Length),
        (Endpoints { max_length: MAX_LENGTH + 1, ..endpoints() }, EndpointsError::Length),
        (Endpoints { pre_roll: MAX_PRE_ROLL + 1, ..endpoints() }, EndpointsError::PreRoll),
    ] {
        assert_eq!(endpoints.check(), Err(error));
    }
}
