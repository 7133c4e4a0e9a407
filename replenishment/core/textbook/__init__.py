"""The exact models of the textbooks, for notebooks and as parts of plans: a module for each kind of question.

Sections are those of Snyder and Shen, "Fundamentals of Supply Chain Theory", second edition. Arrays hold one
row for each item; scalars are broadcast. Times and rates share one unit of time, chosen by the caller.
Numbers that make no sense raise ValueError and name the row. Formulas and when to use them:
``docs/textbook.md``.
"""
