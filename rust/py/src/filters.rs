//! Filters as bots write them, and as the native threads take them.

use std::sync::{Mutex, PoisonError};

use isocord_io::desk::Filters;
use isocord_io::dsp::filters::{FilterError, FilterSpec, KINDS};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// The filters of one source: the records that Python gave, and the handle of what plays.
pub(crate) struct FilterSet {
    handle: Filters,
    records: Mutex<Py<PyTuple>>,
}

impl FilterSet {
    pub(crate) fn new(py: Python<'_>) -> Self {
        Self { handle: Filters::default(), records: Mutex::new(PyTuple::empty(py).unbind()) }
    }

    pub(crate) fn handle(&self) -> &Filters {
        &self.handle
    }

    pub(crate) fn get(&self, py: Python<'_>) -> Py<PyTuple> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone_ref(py)
    }

    pub(crate) fn set(&self, filters: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = filters.py();
        let wrong =
            || PyTypeError::new_err("filters must be filters of isocord.filters, one after the other");
        let records: Vec<_> = filters.try_iter().map_err(|_| wrong())?.collect::<PyResult<_>>()?;
        let specs = records.iter().map(|record| {
            let spec = record.getattr("_spec").map_err(|_| wrong())?;
            let (name, values) = spec.extract::<(String, Vec<f64>)>().map_err(|_| wrong())?;
            FilterSpec::new(&name, &values).map_err(refused)
        });
        let specs = specs.collect::<PyResult<Vec<_>>>()?;
        let tuple = PyTuple::new(py, records)?.unbind();
        // Two threads that set them at once see one order of it.
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        self.handle.set(specs).map_err(refused)?;
        let before = std::mem::replace(&mut *records, tuple);
        drop(records);
        drop(before);
        Ok(())
    }
}

fn refused(error: FilterError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Raises ValueError for a filter that cannot be.
#[pyfunction]
#[allow(clippy::needless_pass_by_value, reason = "that is how arguments come")]
pub(crate) fn check_filter(name: &str, values: Vec<f64>) -> PyResult<()> {
    FilterSpec::new(name, &values).map(drop).map_err(refused)
}

/// Every kind by its name: the name, default and range of each of its numbers.
pub(crate) fn kinds(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let all = PyDict::new(py);
    for kind in KINDS {
        let parameters = kind.parameters.iter().map(|one| (one.name, one.default, one.range.0, one.range.1));
        all.set_item(kind.name, PyTuple::new(py, parameters)?)?;
    }
    Ok(all)
}
