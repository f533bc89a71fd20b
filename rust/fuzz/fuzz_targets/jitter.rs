//! Packets of any number, time and length, at any moment: the buffer never panics, always comes to an
//! end, plays in order, and plays each packet once.
#![no_main]

use isocord_proto::jitter::{Arrival, DelayBounds, Inserted, JitterBuffer, Turn};
use libfuzzer_sys::fuzz_target;

/// Steps of nine bytes: what happens, sequence, timestamp, how long after the step before.
const STEP: usize = 9;

fuzz_target!(|bytes: &[u8]| {
    let mut buffer = JitterBuffer::new(DelayBounds::default());
    let mut now = 0i64;
    let (mut inserted, mut played) = (0u64, 0u64);
    for step in bytes.chunks_exact(STEP) {
        let sequence = u16::from_be_bytes([step[1], step[2]]);
        let timestamp = u32::from_be_bytes([step[3], step[4], step[5], step[6]]);
        now += i64::from(u16::from_be_bytes([step[7], step[8]])) * if step[0] & 0x80 == 0 { 1 } else { 100 };
        let samples = [120, 240, 480, 960, 1_920, 2_880, 5_760, 960][usize::from(step[0] & 7)];
        let arrival = Arrival {
            sequence,
            timestamp,
            at: now,
            samples,
            frame_samples: samples.min(2_880),
            silence: step[0] & 8 != 0,
            payload: step,
        };
        if step[0] & 0x10 != 0 {
            buffer.hurry();
        }
        for attempt in 0.. {
            assert!(attempt < 3, "no way in");
            match buffer.insert(&arrival) {
                Inserted::Queued(_) | Inserted::Suspect => {
                    inserted += 1;
                    break;
                }
                Inserted::Duplicate | Inserted::Late => break,
                Inserted::Full => {
                    buffer.hurry();
                    played += play(&mut buffer, now);
                }
                Inserted::Restarted => {
                    buffer.hurry();
                    played += play(&mut buffer, now);
                    buffer.restart();
                }
            }
        }
        played += play(&mut buffer, now);
    }
    buffer.hurry();
    played += play(&mut buffer, now);
    assert!(played <= inserted, "{played} played of {inserted}");
    assert_eq!(buffer.next(i64::MAX / 4), Turn::Rest);
});

fn play(buffer: &mut JitterBuffer, now: i64) -> u64 {
    let (mut played, mut lost) = (0, 0);
    loop {
        match buffer.next(now) {
            Turn::Packet { samples, payload, .. } => {
                assert!(samples <= 5_760 && payload.len() == STEP);
                played += 1;
            }
            Turn::Lost { .. } => {
                lost += 1;
                assert!(lost < 70_000, "losses without end");
            }
            Turn::Skipped(packets) => assert!(packets <= 3_001),
            Turn::Shifted(by) => assert!(by != 0),
            Turn::SpurtEnd => {}
            Turn::Wait(due) => {
                assert!(due > now);
                return played;
            }
            Turn::Rest => return played,
        }
    }
}
