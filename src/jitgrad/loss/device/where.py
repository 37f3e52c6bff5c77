"""``np.where`` of numbers, and of arrays with numbers: numba-cuda makes arrays of no dimension of them."""
