//! The sound in an MPEG transport stream (ISO/IEC 13818-1), and nothing else of it.

const PACKET: usize = 188;
const SYNC: u8 = 0x47;
/// A table of 1,021 bytes, with its head.
const MAX_TABLE: usize = 1_024;

/// Takes the sound out of transport packets: ADTS or MPEG audio, as it stands in them.
#[derive(Default)]
pub(super) struct TransportStream {
    /// Where the table of the program is.
    program: Option<u16>,
    sound: Option<u16>,
    table: Vec<u8>,
    /// What the sound is, if nobody here knows it.
    unknown: Option<u8>,
    /// The packet of the sound has begun.
    begun: bool,
}

/// Whether a segment is one.
pub(super) fn is_transport_stream(bytes: &[u8]) -> bool {
    bytes.first() == Some(&SYNC) && bytes.get(PACKET).is_none_or(|&byte| byte == SYNC)
}

impl TransportStream {
    /// The sound of a segment.
    ///
    /// # Errors
    /// There is sound, but of a kind that nobody here decodes.
    pub(super) fn push(&mut self, segment: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        let mut at = 0;
        while let Some(packet) = segment.get(at..at + PACKET) {
            if packet[0] == SYNC {
                self.packet(packet, out);
                at += PACKET;
            } else {
                at += 1;
            }
        }
        match (self.sound, self.unknown) {
            (None, Some(kind)) => {
                Err(format!("its sound is of a kind that isocord does not decode ({})", named(kind)))
            }
            _ => Ok(()),
        }
    }

    fn packet(&mut self, packet: &[u8], out: &mut Vec<u8>) {
        let begins = packet[1] & 0x40 != 0;
        let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
        let payload = match packet[3] >> 4 & 3 {
            1 => &packet[4..],
            3 => packet.get(5 + usize::from(packet[4])..).unwrap_or_default(),
            _ => return,
        };
        // Damaged, or scrambled.
        if packet[1] & 0x80 != 0 || packet[3] & 0xc0 != 0 || payload.is_empty() {
            return;
        }
        if pid == 0 && begins {
            self.association(payload);
        } else if Some(pid) == self.program {
            self.program_table(payload, begins);
        } else if Some(pid) == self.sound {
            self.sound(payload, begins, out);
        }
    }

    /// Which programs there are: the first is taken.
    fn association(&mut self, payload: &[u8]) {
        let Some(table) = payload.get(1 + usize::from(payload[0])..).and_then(section) else { return };
        let entries = table.get(8..table.len().saturating_sub(4)).unwrap_or_default();
        let program = entries.chunks_exact(4).find(|entry| entry[..2] != [0, 0]);
        self.program = program.map(|entry| u16::from_be_bytes([entry[2] & 0x1f, entry[3]])).or(self.program);
    }

    fn program_table(&mut self, payload: &[u8], begins: bool) {
        if begins {
            self.table.clear();
            self.table.extend(payload.get(1 + usize::from(payload[0])..).unwrap_or_default());
        } else if !self.table.is_empty() {
            self.table.extend(payload);
        }
        if self.table.len() > MAX_TABLE + PACKET {
            self.table.clear();
        }
        let Some(table) = section(&self.table) else { return };
        let skip = 12 + (usize::from(table[10] & 0x0f) << 8 | usize::from(table[11]));
        let mut entries = table.get(skip..table.len().saturating_sub(4)).unwrap_or_default();
        let (mut found, mut unknown) = (None, None);
        while let [kind, a, b, c, d, rest @ ..] = entries {
            let pid = u16::from_be_bytes([a & 0x1f, *b]);
            match kind {
                0x03 | 0x04 | 0x0f => found = found.or(Some(pid)),
                0x11 | 0x81 | 0x87 => unknown = unknown.or(Some(*kind)),
                _ => {}
            }
            entries = rest.get(usize::from(c & 0x0f) << 8 | usize::from(*d)..).unwrap_or_default();
        }
        (self.sound, self.unknown) = (found, unknown);
        self.table.clear();
    }

    fn sound(&mut self, payload: &[u8], begins: bool, out: &mut Vec<u8>) {
        if !begins {
            if self.begun {
                out.extend(payload);
            }
            return;
        }
        // Three bytes of a start code, the stream, two of a length, two of flags, and the length of the rest of the head.
        self.begun = payload.starts_with(&[0, 0, 1]) && payload.len() > 9;
        if self.begun {
            out.extend(payload.get(9 + usize::from(payload[8])..).unwrap_or_default());
        }
    }
}

/// A whole table, if it is there.
fn section(bytes: &[u8]) -> Option<&[u8]> {
    let len = usize::from(bytes.get(1)? & 0x0f) << 8 | usize::from(*bytes.get(2)?);
    bytes.get(..3 + len).filter(|table| table.len() >= 16)
}

fn named(kind: u8) -> &'static str {
    match kind {
        0x11 => "AAC in LATM",
        0x81 => "AC-3",
        _ => "E-AC-3",
    }
}
