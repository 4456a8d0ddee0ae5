"""How fast is Ebbtide, beside its peers? `make bench`."""
