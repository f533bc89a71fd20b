//! A room: eight delays that feed each other (a feedback delay network), each as damped as its walls.

use isocord_proto::frame::SAMPLE_RATE;

use super::kind::{Filter, Kind, parameter};
use super::line::{Line, NOTHING, Pair};
use super::memory::Memory;

pub(super) const KIND: Kind = Kind {
    name: "reverb",
    parameters: &[
        parameter("room_size", 0.5, 0.0, 1.0),
        parameter("damping", 0.5, 0.0, 1.0),
        parameter("mix", 0.3, 0.0, 1.0),
    ],
    make: |values, history| Box::new(Reverb::new(values[0], values[1], values[2], history)),
};

/// The delays of the largest room, in samples: primes, so that no two of them meet.
const DELAYS: [usize; LINES] = [2_239, 2_707, 3_023, 3_527, 4_027, 4_507, 4_877, 5_407];
const LINES: usize = 8;
/// All-pass delays that make many of each sound before it enters the room.
const DIFFUSION: [usize; 2] = [223, 557];
const DIFFUSED: f32 = 0.6;

struct Reverb {
    delays: [usize; LINES],
    /// How much of the sound comes back from each delay.
    gains: [f32; LINES],
    /// How much of the way to the next sample each wall goes.
    bright: f32,
    dry: f32,
    wet: f32,
    seconds: f64,
    diffusers: [Line; 2],
    /// Two delays in each.
    lines: [Line; LINES / 2],
    walls: [f32; LINES],
}

impl Reverb {
    fn new(room_size: f64, damping: f64, mix: f64, history: usize) -> Self {
        let delays = DELAYS.map(|delay| (delay as f64 * (0.4 + 0.6 * room_size)) as usize);
        let seconds = 0.3 + 3.7 * room_size * room_size;
        let gains = delays.map(|delay| {
            // 60 dB down when the time is over.
            10_f64.powf(-3.0 * delay as f64 / (seconds * f64::from(SAMPLE_RATE))) as f32
        });
        Self {
            delays,
            gains,
            bright: (1.0 - 0.8 * damping) as f32,
            dry: (1.0 - mix) as f32,
            wet: mix as f32,
            seconds,
            diffusers: DIFFUSION.map(|delay| Line::new(delay, 0, history)),
            lines: std::array::from_fn(|_| Line::new(DELAYS[LINES - 1], 0, history)),
            walls: [0.0; LINES],
        }
    }

    fn diffuse(&mut self, mut pair: Pair) -> Pair {
        for (line, delay) in self.diffusers.iter_mut().zip(DIFFUSION) {
            let late = line.back(delay);
            let kept = [pair[0] + DIFFUSED * late[0], pair[1] + DIFFUSED * late[1]];
            line.push(kept);
            pair = [late[0] - DIFFUSED * kept[0], late[1] - DIFFUSED * kept[1]];
        }
        pair
    }

    fn hear(&mut self, pair: Pair) -> Pair {
        let mut room: [f32; LINES] =
            std::array::from_fn(|index| self.lines[index / 2].back(self.delays[index])[index % 2]);
        let heard = [room[0] + room[2] - room[4] + room[6], room[1] - room[3] + room[5] + room[7]];
        for ((sound, wall), gain) in room.iter_mut().zip(&mut self.walls).zip(self.gains) {
            *wall += (*sound - *wall) * self.bright;
            *sound = *wall * gain;
        }
        let mixed = hadamard(room);
        for (index, line) in self.lines.iter_mut().enumerate() {
            line.push([mixed[2 * index] + pair[0], mixed[2 * index + 1] + pair[1]]);
        }
        heard
    }
}

/// Every one becomes a sum of all, and together they stay as loud.
fn hadamard(mut values: [f32; LINES]) -> [f32; LINES] {
    for distance in [1, 2, 4] {
        for index in (0..LINES).filter(|index| index & distance == 0) {
            let (one, other) = (values[index], values[index + distance]);
            (values[index], values[index + distance]) = (one + other, one - other);
        }
    }
    values.map(|value| value * std::f32::consts::FRAC_1_SQRT_2 * 0.5)
}

impl Filter for Reverb {
    fn process(&mut self, pcm: &mut Vec<f32>) {
        for pair in pcm.as_chunks_mut::<2>().0 {
            let diffused = self.diffuse(*pair);
            let [left, right] = self.hear(diffused.map(|sample| sample * 0.5));
            *pair = [pair[0] * self.dry + left * self.wet, pair[1] * self.dry + right * self.wet];
        }
        self.walls
            .iter_mut()
            .filter(|wall| !(NOTHING..1e6).contains(&wall.abs()))
            .for_each(|wall| *wall = 0.0);
    }

    fn remember(&mut self, memory: &mut Memory) {
        self.diffusers.iter_mut().chain(&mut self.lines).for_each(|line| line.remember(memory));
        self.walls.iter_mut().for_each(|wall| memory.sample(wall));
    }

    fn tail(&self) -> u64 {
        (self.seconds * f64::from(SAMPLE_RATE)) as u64
    }
}
