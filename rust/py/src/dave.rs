//! `DaveSession` of a voice connection and `DaveMember` of a scripted participant: the same MLS
//! session, with the keys going to the native threads or staying with the object.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use isocord_proto::dave::{
    self, ClientMessage, FrameSealer, MAX_OVERHEAD, Openers, Output, Status, WireMessage,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::bytes::{bytes_like, copied, zeros};
use crate::connection::Connection;
use crate::errors::Result;

/// The call's privacy code has changed.
#[pyclass(frozen, get_all, module = "isocord._native")]
pub(crate) struct PrivacyCodeChanged {
    code: Option<String>,
}

/// The protocol version in force has changed.
#[pyclass(frozen, get_all, module = "isocord._native")]
pub(crate) struct DaveVersionChanged {
    version: u16,
}

/// Something was refused or ignored; the session goes on.
#[pyclass(frozen, get_all, module = "isocord._native")]
pub(crate) struct DaveNotice {
    text: String,
}

/// An [`Output`] that is for Python: messages as `str` or `bytes`, the rest as objects.
fn to_python<'py>(py: Python<'py>, output: Output) -> PyResult<Option<Bound<'py, PyAny>>> {
    let object = match output {
        Output::Send(message) => wire(py, &message),
        Output::PrivacyCode(code) => {
            let code = code.map(|code| code.as_str().to_owned());
            Bound::new(py, PrivacyCodeChanged { code })?.into_any()
        }
        Output::Version(version) => Bound::new(py, DaveVersionChanged { version })?.into_any(),
        Output::Notice(notice) => Bound::new(py, DaveNotice { text: notice.to_string() })?.into_any(),
        Output::Sender(_) | Output::Receivers(_) => return Ok(None),
    };
    Ok(Some(object))
}

fn wire<'py>(py: Python<'py>, message: &ClientMessage) -> Bound<'py, PyAny> {
    match message.to_wire() {
        WireMessage::Text(text) => PyString::new(py, &text).into_any(),
        WireMessage::Binary(bytes) => PyBytes::new(py, &bytes).into_any(),
    }
}

/// Of proposals: one who comes, or two.
const BRIEF_BYTES: usize = 1_024;
const BRIEF_MEMBERS: usize = 8;

/// One message of the gateway.
enum Input<'a> {
    SessionDescription(u16),
    ClientsConnect(&'a [u64]),
    ClientDisconnect(u64),
    PrepareTransition(u16, u16),
    ExecuteTransition(u16),
    PrepareEpoch(u64, u16),
    Binary(u8, &'a [u8]),
}

impl Input<'_> {
    /// Whether it is taken in within some two milliseconds.
    fn is_brief(&self, session: &dave::Session) -> bool {
        match self {
            Self::Binary(_, payload) => {
                payload.len() <= BRIEF_BYTES && session.members().nth(BRIEF_MEMBERS).is_none()
            }
            _ => true,
        }
    }
}

fn feed(session: &mut dave::Session, input: &Input<'_>) {
    match *input {
        Input::SessionDescription(version) => session.session_description(version),
        Input::ClientsConnect(user_ids) => session.clients_connect(user_ids),
        Input::ClientDisconnect(user_id) => session.client_disconnect(user_id),
        Input::PrepareTransition(id, version) => session.prepare_transition(id, version),
        Input::ExecuteTransition(id) => session.execute_transition(id),
        Input::PrepareEpoch(epoch, version) => session.prepare_epoch(epoch, version),
        Input::Binary(opcode, payload) => session.binary(opcode, payload),
    }
}

/// Where the keys go.
enum Keys {
    Connection(Py<Connection>),
    Own(Box<OwnKeys>),
}

struct OwnKeys {
    sealer: FrameSealer,
    openers: Openers,
    since: Instant,
}

struct State {
    session: dave::Session,
    keys: Keys,
}

impl State {
    fn take(&mut self, input: &Input<'_>) -> Result<Vec<Output>> {
        feed(&mut self.session, input);
        if let Input::Binary(..) = input {
            self.session.answer_proposals();
        }
        self.outputs()
    }

    /// What has to be done; keys go where they belong, the rest comes back in order.
    fn outputs(&mut self) -> Result<Vec<Output>> {
        let mut rest = Vec::new();
        while let Some(output) = self.session.poll() {
            match (output, &mut self.keys) {
                (Output::Sender(change), Keys::Connection(connection)) => {
                    connection.get().inner.change_sender(change)?;
                }
                (Output::Receivers(change), Keys::Connection(connection)) => {
                    connection.get().inner.change_receivers(change)?;
                }
                (Output::Sender(change), Keys::Own(own)) => drop(own.sealer.apply(change)),
                (Output::Receivers(change), Keys::Own(own)) => {
                    own.openers.apply(change, own.since.elapsed());
                }
                (other, _) => rest.push(other),
            }
        }
        Ok(rest)
    }
}

#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct DaveSession(Mutex<State>);

impl DaveSession {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run<'py>(&self, py: Python<'py>, input: &Input<'_>) -> Result<Vec<Bound<'py, PyAny>>> {
        // Where others compute in Python, who lets the GIL go has it back after a switch interval (5 ms) or more: what
        // takes less keeps it. What takes longer, or has to wait for another thread, does not.
        let kept = self.0.try_lock().ok().filter(|state| input.is_brief(&state.session));
        let outputs = match kept {
            Some(mut state) => state.take(input),
            None => py.detach(|| self.lock().take(input)),
        }?;
        Self::objects(py, outputs)
    }

    fn objects(py: Python<'_>, outputs: Vec<Output>) -> Result<Vec<Bound<'_, PyAny>>> {
        let objects = outputs.into_iter().filter_map(|output| to_python(py, output).transpose());
        Ok(objects.collect::<PyResult<_>>()?)
    }
}

#[pymethods]
impl DaveSession {
    #[new]
    #[pyo3(signature = (connection, user_id, channel_id))]
    fn new(connection: Option<Py<Connection>>, user_id: u64, channel_id: u64) -> Self {
        let keys = match connection {
            Some(connection) => Keys::Connection(connection),
            None => Keys::Own(Box::new(OwnKeys {
                sealer: FrameSealer::new(),
                openers: Openers::new(),
                since: Instant::now(),
            })),
        };
        let session = dave::Session::new(user_id, channel_id);
        Self(Mutex::new(State { session, keys }))
    }

    fn session_description<'py>(&self, py: Python<'py>, version: u16) -> Result<Vec<Bound<'py, PyAny>>> {
        self.run(py, &Input::SessionDescription(version))
    }

    fn clients_connect<'py>(&self, py: Python<'py>, user_ids: Vec<u64>) -> Result<Vec<Bound<'py, PyAny>>> {
        self.run(py, &Input::ClientsConnect(&user_ids))
    }

    fn client_disconnect<'py>(&self, py: Python<'py>, user_id: u64) -> Result<Vec<Bound<'py, PyAny>>> {
        self.run(py, &Input::ClientDisconnect(user_id))
    }

    fn prepare_transition<'py>(
        &self,
        py: Python<'py>,
        transition_id: u16,
        protocol_version: u16,
    ) -> Result<Vec<Bound<'py, PyAny>>> {
        self.run(py, &Input::PrepareTransition(transition_id, protocol_version))
    }

    fn execute_transition<'py>(&self, py: Python<'py>, transition_id: u16) -> Result<Vec<Bound<'py, PyAny>>> {
        self.run(py, &Input::ExecuteTransition(transition_id))
    }

    fn prepare_epoch<'py>(
        &self,
        py: Python<'py>,
        epoch: u64,
        protocol_version: u16,
    ) -> Result<Vec<Bound<'py, PyAny>>> {
        self.run(py, &Input::PrepareEpoch(epoch, protocol_version))
    }

    fn binary<'py>(
        &self,
        py: Python<'py>,
        opcode: u8,
        payload: &Bound<'py, PyAny>,
    ) -> Result<Vec<Bound<'py, PyAny>>> {
        let payload = bytes_like(payload)?;
        self.run(py, &Input::Binary(opcode, &payload))
    }

    fn is_brief(&self, opcode: u8, payload: &Bound<'_, PyAny>) -> Result<bool> {
        let payload = bytes_like(payload)?;
        let state = self.0.try_lock();
        Ok(state.is_ok_and(|state| Input::Binary(opcode, &payload).is_brief(&state.session)))
    }

    #[pyo3(signature = (opcode, payload, *, more))]
    fn take_in(&self, py: Python<'_>, opcode: u8, payload: &Bound<'_, PyAny>, more: bool) -> PyResult<()> {
        let payload = bytes_like(payload)?;
        py.detach(|| {
            let session = &mut self.lock().session;
            session.binary(opcode, &payload);
            if !more {
                session.answer_proposals();
            }
        });
        Ok(())
    }

    fn outputs<'py>(&self, py: Python<'py>) -> Result<Vec<Bound<'py, PyAny>>> {
        let outputs = self.lock().outputs()?;
        Self::objects(py, outputs)
    }

    #[getter]
    fn protocol_version(&self) -> u16 {
        self.lock().session.protocol_version()
    }

    #[getter]
    fn status(&self) -> &'static str {
        match self.lock().session.status() {
            Status::Inactive => "inactive",
            Status::Waiting => "waiting",
            Status::Pending => "pending",
            Status::Established => "established",
        }
    }

    #[getter]
    fn epoch(&self) -> Option<u64> {
        self.lock().session.epoch()
    }

    #[getter]
    fn members(&self) -> Vec<u64> {
        self.lock().session.members().collect()
    }

    #[getter]
    fn privacy_code(&self) -> Option<String> {
        self.lock().session.privacy_code().map(|code| code.as_str().to_owned())
    }

    fn verification_code(&self, py: Python<'_>, user_id: u64) -> Option<String> {
        // The code takes a tenth of a second; the session is not held for it.
        let verification = self.lock().session.verification(user_id)?;
        Some(py.detach(|| verification.code()))
    }

    fn seal<'py>(&self, py: Python<'py>, frame: &Bound<'py, PyAny>) -> Result<Bound<'py, PyBytes>> {
        let frame = bytes_like(frame)?;
        let mut sealed = zeros(frame.len() + MAX_OVERHEAD)?;
        let State { keys: Keys::Own(own), .. } = &mut *self.lock() else {
            return Err(PyValueError::new_err("the keys of this session are with its connection").into());
        };
        let len = own.sealer.seal(&frame, &mut sealed)?;
        Ok(copied(py, &sealed[..len])?)
    }

    fn open<'py>(
        &self,
        py: Python<'py>,
        user_id: u64,
        frame: &Bound<'py, PyAny>,
    ) -> Result<Bound<'py, PyBytes>> {
        let frame = bytes_like(frame)?;
        let mut opened = zeros(frame.len())?;
        let State { keys: Keys::Own(own), .. } = &mut *self.lock() else {
            return Err(PyValueError::new_err("the keys of this session are with its connection").into());
        };
        let elapsed = own.since.elapsed();
        let result = own.openers.open(user_id, &frame, &mut opened, elapsed)?;
        Ok(copied(py, &opened[..result.len()])?)
    }

    fn __repr__(&self) -> String {
        format!("<{:?}>", self.lock().session)
    }
}
