//! EBML (RFC 8794): identifiers, sizes and the kinds of values that Matroska has.

/// Appends elements to bytes.
pub(crate) trait Ebml {
    /// An element's identifier, marker bits included.
    fn id(&mut self, id: u32);
    /// An element's size in as few bytes as it takes.
    fn size(&mut self, size: u64);
    /// An element's size in just `width` bytes.
    fn size_in(&mut self, size: u64, width: u32);
    fn binary(&mut self, id: u32, value: &[u8]);
    fn uint(&mut self, id: u32, value: u64);
    fn int(&mut self, id: u32, value: i64);
    fn float(&mut self, id: u32, value: f64);
    /// An element of other elements.
    fn master(&mut self, id: u32, fill: impl FnOnce(&mut Vec<u8>));
    /// A Void element that takes `space` bytes, 2 or more.
    fn void(&mut self, space: usize);
}

/// "Unknown", in eight bytes.
pub(crate) const UNKNOWN_SIZE: [u8; 8] = [0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
const VOID: u32 = 0xEC;

impl Ebml for Vec<u8> {
    fn id(&mut self, id: u32) {
        let bytes = id.to_be_bytes();
        let skip = (id.leading_zeros() / 8) as usize;
        self.extend(&bytes[skip.min(3)..]);
    }

    fn size(&mut self, size: u64) {
        // All ones mean "unknown", hence one less than seven bits a byte can say.
        let width = (1..8).find(|width| size < (1 << (7 * width)) - 1).unwrap_or(8);
        self.size_in(size, width);
    }

    fn size_in(&mut self, size: u64, width: u32) {
        let coded = size | 1 << (7 * width);
        self.extend(&coded.to_be_bytes()[8 - width as usize..]);
    }

    fn binary(&mut self, id: u32, value: &[u8]) {
        self.id(id);
        self.size(value.len() as u64);
        self.extend(value);
    }

    fn uint(&mut self, id: u32, value: u64) {
        let skip = (value.leading_zeros() / 8) as usize;
        self.binary(id, &value.to_be_bytes()[skip.min(7)..]);
    }

    fn int(&mut self, id: u32, value: i64) {
        self.binary(id, &value.to_be_bytes());
    }

    fn float(&mut self, id: u32, value: f64) {
        self.binary(id, &value.to_be_bytes());
    }

    fn master(&mut self, id: u32, fill: impl FnOnce(&mut Vec<u8>)) {
        let mut inner = Vec::new();
        fill(&mut inner);
        self.binary(id, &inner);
    }

    fn void(&mut self, space: usize) {
        self.id(VOID);
        if space < 10 {
            self.size_in(space.saturating_sub(2) as u64, 1);
            self.resize(self.len() + space.saturating_sub(2), 0);
        } else {
            self.size_in(space as u64 - 9, 8);
            self.resize(self.len() + space - 9, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_in_the_rfc() {
        for (value, want) in [
            (0, vec![0x80]),
            (1, vec![0x81]),
            (126, vec![0xFE]),
            (127, vec![0x40, 0x7F]),
            (16_382, vec![0x7F, 0xFE]),
            (16_383, vec![0x20, 0x3F, 0xFF]),
        ] {
            let mut bytes = Vec::new();
            bytes.size(value);
            assert_eq!(bytes, want, "{value}");
        }
        let mut bytes = Vec::new();
        bytes.size_in(1, 8);
        assert_eq!(bytes, [1, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn a_void_takes_just_its_space() {
        for space in 2..300 {
            let mut bytes = Vec::new();
            bytes.void(space);
            assert_eq!(bytes.len(), space);
        }
    }
}
