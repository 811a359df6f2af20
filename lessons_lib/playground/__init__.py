"""Any corpus with any model in the panel of the lessons: two tables of what there is, a choice, and its widgets."""
