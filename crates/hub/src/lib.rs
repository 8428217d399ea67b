//! Sessions × ports as one machine: the whole worker, minus the browser.
