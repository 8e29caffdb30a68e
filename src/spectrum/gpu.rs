//! Eigenvalues of many real matrices on a device.
