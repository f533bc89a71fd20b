use super::*;

fn frame(user_id: u64, position: u64, pcm: &[i16; FRAME_LEN]) -> Item<'_> {
    Item::Frame(Frame {
        user_id,
        position,
        samples: 960,
        kind: FrameKind::Voice,
        received: Some(position),
        sound: Sound::Pcm(pcm),
    })
}

#[test]
fn a_mixdown_is_the_sum_in_its_place() {
    let shape = Shape { mixdown: true, users: Some(HashSet::from([1, 2])), ..Shape::default() };
    let mut shaper = Shaper::new(shape, false).unwrap();
    let mut got = Vec::new();
    let mut out = |item| match item {
        Out::Frame(frame) => got.push(frame),
        Out::Speaking(..) | Out::Ended(_) => {}
    };
    let start = 480_000;
    for at in 0..50 {
        shaper.item(frame(1, start + at * 960, &[100; FRAME_LEN]), &mut out);
        shaper.item(frame(3, start + at * 960, &[7_000; FRAME_LEN]), &mut out);
        if at == 45 {
            shaper.item(Item::Speaking(2, Speaking::Started, start + 45 * 960), &mut out);
        }
        shaper.advance(start + at * 960 + 2_000, 2_880, &mut out);
    }
    // One that comes late still gets in.
    shaper.item(frame(2, start + 45 * 960, &[20; FRAME_LEN]), &mut out);
    shaper.finish(&mut out);
    assert!(got.iter().all(|frame| frame.user_id == EVERYBODY && frame.samples == 960));
    assert!(got.is_sorted_by_key(|frame| frame.position));
    let mut all = vec![0; 60 * FRAME_LEN];
    for frame in &got {
        let from = 2 * (frame.position + 960 - start) as usize;
        for (value, two) in all[from..].iter_mut().zip(frame.data.chunks_exact(2)) {
            *value = i16::from_le_bytes([two[0], two[1]]);
        }
    }
    let at = |number: usize| all[(number + 1) * FRAME_LEN];
    assert_eq!([at(0), at(44), at(45), at(46), at(49), at(50)], [100, 100, 120, 100, 100, 0]);
}

#[test]
fn nonsense_is_refused() {
    let shape = |sample_rate, channels| Shape { sample_rate, channels, ..Shape::default() };
    assert_eq!(Shaper::new(shape(44_100, 2), false).err(), Some(ShapeError::Rate));
    assert_eq!(Shaper::new(shape(16_000, 3), false).err(), Some(ShapeError::Channels));
    assert_eq!(Shaper::new(shape(16_000, 1), true).err(), Some(ShapeError::Opus));
}

/// What a shaper hands out of a story of spurts, each from one slot of 20 ms to another, of users, in virtual time: the
/// news at once, the sound 60 ms after its place. The moments are those at which it came.
fn told(shape: Shape, spurts: &[(u64, u64, u64)]) -> (Shaper, Vec<(u64, Shaped)>) {
    let mut shaper = Shaper::new(shape, false).unwrap();
    let mut got = Vec::new();
    for ms in (1_000..3_000).step_by(10) {
        let now = ms * 48;
        let mut out = |item| {
            if let Out::Frame(frame) = item {
                got.push((now, frame));
            }
        };
        for &(user, from, to) in spurts {
            if ms == 20 * from {
                shaper.item(Item::Speaking(user, Speaking::Started, now), &mut out);
            }
            if ms >= 80 + 20 * from && ms < 80 + 20 * to && (ms - 80) % 20 == 0 {
                let pcm = [100 * user as i16; FRAME_LEN];
                shaper.item(frame(user, now - 80 * 48, &pcm), &mut out);
            }
            if ms == 80 + 20 * to {
                shaper.item(Item::Speaking(user, Speaking::Stopped, 20 * to * 48), &mut out);
            }
        }
        shaper.advance(now, 2_880, &mut out);
    }
    (shaper, got)
}

/// Checks that frames follow one another; returns how late the latest was, counted from its end, and the sound of each
/// slot.
fn unbroken(frames: &[(u64, Shaped)]) -> (u64, Vec<i16>) {
    assert!(frames.windows(2).all(|pair| pair[1].1.position == pair[0].1.position + 960));
    let behind = frames.iter().map(|(at, frame)| at - frame.position - 960).max().unwrap();
    let sound = |frame: &Shaped| i16::from_le_bytes([frame.data[0], frame.data[1]]);
    (behind, frames.iter().map(|(_, frame)| sound(frame)).collect())
}

#[test]
fn silence_fills_what_lies_between_words() {
    let users = Some(HashSet::from([1, 2]));
    let (shaper, got) = told(Shape { fill: true, users, ..Shape::default() }, &[(1, 60, 70), (1, 100, 120)]);
    assert_eq!(shaper.late(), 0);
    for user in [1, 2] {
        let of_user = got.iter().filter(|(_, frame)| frame.user_id == user).cloned().collect::<Vec<_>>();
        let (behind, sound) = unbroken(&of_user);
        assert!(of_user.len() > 95 && behind <= 60 * 48, "{behind}");
        let words = sound.iter().filter(|&&sample| sample == 100).count();
        assert_eq!(words, if user == 1 { 30 } else { 0 });
        let silent = of_user.iter().filter(|(_, frame)| frame.kind.is_none());
        assert!(silent.clone().count() >= 65);
        assert!(
            silent
                .clone()
                .all(|(_, frame)| frame.level == Some(f32::NEG_INFINITY) && frame.received.is_none())
        );
    }
}

#[test]
fn a_mixdown_waits_for_nobody_who_is_silent() {
    for fill in [false, true] {
        let shape = Shape { mixdown: true, fill, ..Shape::default() };
        let (shaper, got) = told(shape, &[(1, 60, 120), (2, 75, 90)]);
        assert_eq!(shaper.late(), 0);
        let (behind, sound) = unbroken(&got);
        // The sound itself is 60 ms old when it comes.
        assert!(behind <= 80 * 48, "{behind}");
        assert_eq!(got.len() > 95, fill);
        for (value, times) in [(100, 45), (300, 15)] {
            assert_eq!(sound.iter().filter(|&&sample| sample == value).count(), times, "{value}");
        }
    }
}

#[test]
fn who_is_too_late_for_a_mixdown_is_counted_and_holds_nobody_up() {
    let mut shaper = Shaper::new(Shape { mixdown: true, latency: 960, ..Shape::default() }, false).unwrap();
    let mut ends = Vec::new();
    let mut out = |item| {
        if let Out::Frame(frame) = item {
            ends.push(frame.position + 960);
        }
    };
    shaper.item(Item::Speaking(2, Speaking::Started, 48_000), &mut out);
    let pcm = [100; FRAME_LEN];
    for at in 0..50 {
        shaper.item(frame(1, 48_000 + at * 960, &pcm), &mut out);
        shaper.item(Item::Speaking(1, Speaking::Started, 48_000), &mut out);
        shaper.advance(48_000 + (at + 4) * 960, 2_880, &mut out);
    }
    shaper.item(frame(2, 48_000, &pcm), &mut out);
    assert_eq!(shaper.late(), 1);
    assert!(ends.last().is_some_and(|&end| end > 48_000 + 30 * 960), "{ends:?}");
}

#[test]
fn floating_point_and_levels() {
    let shape = Shape { format: SampleFormat::F32, channels: 1, ..Shape::default() };
    let mut shaper = Shaper::new(shape, false).unwrap();
    let mut got = Vec::new();
    let mut out = |item| got.push(item);
    shaper.item(frame(1, 0, &[16_384; FRAME_LEN]), &mut out);
    let Some(Out::Frame(shaped)) = got.pop() else { panic!() };
    assert_eq!((shaped.data.len(), shaped.received), (960 * 4, Some(0)));
    assert!(shaped.data.chunks(4).all(|four| f32::from_le_bytes(four.try_into().unwrap()) == 0.5));
    assert!((shaped.level.unwrap() + 6.02).abs() < 0.01, "{:?}", shaped.level);
}
