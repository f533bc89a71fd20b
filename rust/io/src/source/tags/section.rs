//! A part of a file that may lie in pieces: a tag, or a packet that stands on many pages.

use std::io;

use super::super::input::MediaFile;

/// Bytes in a row, as their tag counts them.
pub(super) struct Section<'a> {
    file: &'a MediaFile,
    kept: Kept,
}

enum Kept {
    /// Where they lie in the file: from where, and how many.
    InFile(Vec<(u64, u64)>),
    /// They had to be decoded first.
    InMemory(Vec<u8>),
}

impl<'a> Section<'a> {
    pub(super) fn new(file: &'a MediaFile, from: u64, len: u64) -> Self {
        Self::of_pieces(file, vec![(from, len)])
    }

    pub(super) fn of_pieces(file: &'a MediaFile, pieces: Vec<(u64, u64)>) -> Self {
        Self { file, kept: Kept::InFile(pieces) }
    }

    pub(super) fn of_bytes(file: &'a MediaFile, bytes: Vec<u8>) -> Self {
        Self { file, kept: Kept::InMemory(bytes) }
    }

    pub(super) fn len(&self) -> u64 {
        match &self.kept {
            Kept::InFile(pieces) => pieces.iter().fold(0, |sum, piece| piece.1.saturating_add(sum)),
            Kept::InMemory(bytes) => bytes.len() as u64,
        }
    }

    /// Where `len` bytes from `from` on lie in the file; None if they are no longer there as they are.
    pub(super) fn places(&self, from: u64, len: u64) -> Option<Vec<(u64, u64)>> {
        let Kept::InFile(pieces) = &self.kept else { return None };
        let (mut skip, mut left) = (from, len);
        let mut places = Vec::new();
        for &(at, len) in pieces {
            let gone = skip.min(len);
            skip -= gone;
            let here = (len - gone).min(left);
            if here > 0 {
                places.push((at + gone, here));
                left -= here;
            }
        }
        Some(places)
    }

    /// Fills `buf` from `at` on; less than all of it only at the end.
    pub(super) fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        if let Kept::InMemory(bytes) = &self.kept {
            let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or(&[]);
            let count = rest.len().min(buf.len());
            buf[..count].copy_from_slice(&rest[..count]);
            return Ok(count);
        }
        let mut done = 0;
        for (at, len) in self.places(at, buf.len() as u64).unwrap_or_default() {
            let here = usize::try_from(len).unwrap_or(usize::MAX).min(buf.len() - done);
            let count = self.file.read_at(&mut buf[done..done + here], at)?;
            done += count;
            if count < here {
                break;
            }
        }
        Ok(done)
    }

    /// Exactly `N` bytes, or None where it ends before.
    pub(super) fn bytes_at<const N: usize>(&self, at: u64) -> io::Result<Option<[u8; N]>> {
        let mut buf = [0; N];
        Ok((self.read_at(&mut buf, at)? == N).then_some(buf))
    }

    /// `len` bytes from `at` on, but no more than `most`.
    pub(super) fn bytes(&self, at: u64, len: u64, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX).min(most)];
        let count = self.read_at(&mut bytes, at)?;
        bytes.truncate(count);
        Ok(bytes)
    }
}
