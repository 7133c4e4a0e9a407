"""Look-alikes of new products, and the demand of a product without a past from theirs.

`likeness` says how alike two products are, part by part; `weights` learns from past launches what each part
is worth and picks neighbours; `level` makes a gamma prior from neighbours and takes a product's own sales in
(empirical Bayes); `curve` gives the launch curve, the distribution, and the hand-over to ordinary models.
docs/new-products.md has the formulae and figures.
"""
