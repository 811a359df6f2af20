"""The playground's widgets: four menus, one button, and the panel of the run that they describe."""

from __future__ import annotations

import threading
from collections.abc import Callable
from html import escape
from typing import Any, ClassVar

import ipywidgets as widgets

from lessons_lib.corpora import OwnText
from lessons_lib.models.size import parameter_count
from lessons_lib.panels import TrainingPanel
from lessons_lib.panels.access import PANEL, Access
from lessons_lib.panels.controls import NumberControl, close_all
from lessons_lib.panels.transport import StatusLine, action
from lessons_lib.playground.choice import Choice, usual_choice
from lessons_lib.playground.corpora import CORPORA
from lessons_lib.playground.entry import Line, Table, usual
from lessons_lib.playground.models import MODELS, OPTIMIZERS, sets_of
from lessons_lib.runs import Recording
from lessons_lib.stability import layers_of
from lessons_lib.stability.rates import linear_recurrences

BUILD, CHANGE = "Build", "Choose again"
TOOLTIPS = {BUILD: "Make the model, and the panel that trains it", CHANGE: "Open the form; the run below goes on"}
LARGEST = "Of 10 MB at most: a larger file does not arrive"  # a message of Jupyter's server holds no more
NO_MATRIX = "No picture: this model has no recurrent matrix that stays the same."
NO_STATE = (
    "No picture: there is no state along which a gradient could be followed. What lies further back than the context "
    "length, {length} {unit}, cannot move the loss."
)


class Menu(widgets.VBox):
    """One line of a table and its numbers; what was set for the other lines is remembered.

    Args:
        label: what is chosen.
        table: the lines by name.
        line: the one to begin with.
        on_choice: called with the name of another line that was chosen.
    """

    def __init__(self, label: str, table: Table, line: Line, on_choice: Callable[[str], object] | None = None):
        self._table, self._numbers, self._on_choice = table, {line.name: dict(line.numbers)}, on_choice
        self.choice = widgets.Dropdown(description=label, options=list(table), value=line.name)
        self.choice.layout.width, self.choice.style.description_width = "auto", "initial"
        self._says, self._place = widgets.HTML(), widgets.VBox()
        self._says.add_class("lessons-hint")
        super().__init__([self.choice, self._says, self._place])
        self._show()
        self.choice.observe(self._chosen, "value")

    @property
    def line(self) -> Line:
        """The line that is chosen."""
        return Line(self.choice.value, dict(self._numbers[self.choice.value]))

    def offer(self, table: Table) -> None:
        """Another table; a line of the same name stays chosen."""
        wanted, self._table = self.choice.value, table
        self.choice.options = list(table)
        if wanted in table:
            self.choice.value = wanted
        self._show()

    def _chosen(self, change: Any) -> None:
        self._show()
        if self._on_choice is not None:
            self._on_choice(change["new"])

    def _show(self) -> None:
        name = self.choice.value
        entry, numbers = self._table[name], self._numbers.setdefault(name, dict(usual(self._table, name).numbers))
        self._says.value, old = escape(entry.says), self._place.children

        def control(argument: str) -> NumberControl:
            knob = entry.knobs[argument]
            return NumberControl.of(knob, numbers[argument], lambda value: numbers.update({argument: value}))

        self.controls = {argument: control(argument) for argument in entry.knobs}
        self._place.children = tuple(self.controls.values())
        for control_before in old:
            close_all(control_before)


class Playground(widgets.VBox):
    """A form, and below it the training panel of what was built last in this kernel; another one takes its place."""

    _latest: ClassVar[Playground | None] = None

    def __init__(self) -> None:
        earlier, Playground._latest = Playground._latest, self
        found: Choice | None = None if earlier is None else earlier.built
        first = found or usual_choice()
        self._lock = threading.RLock()
        self.built: Choice | None = None
        self.panel: TrainingPanel | None = None
        self.own = first.own
        self.corpus = Menu("corpus", CORPORA, first.corpus, self._show_upload)
        self.model = Menu("model", MODELS, first.model, self._suit)
        self.optimizer = Menu("optimiser", OPTIMIZERS, first.optimizer)
        self.stable_set = Menu("stable set", sets_of(first.model.name), first.stable_set)
        self.upload = widgets.FileUpload(description="Upload a text file", accept=".txt,.md,text/*", tooltip=LARGEST)
        self.upload.layout.width = "auto"
        self.upload.observe(self._uploaded, "value")
        self._uploaded_line, self._line = StatusLine(), StatusLine()
        self._upload_place = widgets.VBox([self.upload, self._uploaded_line])
        self.button = action(BUILD, "", TOOLTIPS[BUILD], self._press)
        columns = [[self.corpus, self._upload_place], [self.model], [self.optimizer, self.stable_set]]
        self._form, self._place = widgets.Box([widgets.VBox(column) for column in columns]), widgets.VBox()
        self._form.add_class("lessons-form")
        head = widgets.Box([self.button, self._line], layout=widgets.Layout(flex_flow="row wrap", align_items="center"))
        super().__init__([Access(), self._form, head, self._place], layout=widgets.Layout(width="100%"))
        self.add_class(PANEL)
        self._show_upload(first.corpus.name)
        self._fold(found is not None)
        if earlier is not None:
            earlier.close()  # its run goes on
        if found is not None:
            self._make(found)

    def __repr__(self) -> str:
        # Jupyter shows 110 characters of it.
        return "Playground: a live panel. If you read this instead, run this cell again: what was built is found again."

    @property
    def choice(self) -> Choice:
        """What the form says."""
        own = self.own if CORPORA[self.corpus.line.name].upload else None
        return Choice(self.corpus.line, self.model.line, self.optimizer.line, self.stable_set.line, own)

    def build(self) -> None:
        """Make what the form says, and its panel; the run that was built before ends.

        What does not fit is refused in a line, and nothing else changes.  The same choice keeps its run.
        """
        with self._lock:
            choice = self.choice
            if choice != self.built:
                self._line.say("Building…")
                try:
                    choice.factory()  # it refuses while nothing is lost
                    self._make(choice)
                except ValueError as refusal:
                    self._line.say(f"Not built: {refusal}.", bad=True)
                    return
                except Exception as error:  # nobody would see it in the thread that serves the widgets
                    self._line.say(f"{type(error).__name__}: {error}", bad=True)
                    raise
            self._fold(True)

    def close(self) -> None:
        """Close every widget; the run goes on."""
        if self.panel is not None:
            self.panel.close()
        for child in self.children:
            close_all(child)
        self.layout.close()
        super().close()

    def _make(self, choice: Choice) -> None:
        ghosts = self._end(choice)
        found, run = choice.reading, choice.run()
        k = min(20, found.probe.max_context)
        panel = TrainingPanel(run, context_length=k, levels=found.levels, composer=found.composer)
        panel.past.keep(ghosts)
        if not (layers_of(run.model) or linear_recurrences(run.model)):
            panel.plot.explain("spectrum", NO_MATRIX)
        if (length := run.model.context_length) is not None:
            panel.plot.explain("gradient", NO_STATE.format(length=length, unit=panel.unit))
        self.panel, self.built, self._place.children = panel, choice, [panel]
        self._line.say(f"{choice.model.name}, {parameter_count(run.model):,} parameters: {found.label}.")

    def _end(self, choice: Choice) -> list[Recording]:
        """Let go of the panel there is, and of its run; what may stand as a ghost behind ``choice``."""
        panel, built, self._place.children = self.panel, self.built, ()
        self.panel = self.built = None  # if what comes next fails, nothing stands here as if it were alive
        if panel is None or built is None:
            return []
        panel.run.close()
        panel.close()
        kept = [*panel.plot.ghosts, *([panel.run.recording()] if panel.run.history.steps else [])]
        return kept if (choice.corpus, choice.own) == (built.corpus, built.own) else []

    def _press(self) -> None:
        """One button for both, so that the keyboard's focus stays where it is."""
        if self.button.description == BUILD:
            self.build()
        else:
            self._fold(False)

    def _fold(self, folded: bool) -> None:
        self._form.layout.display = "none" if folded else ""
        self.button.description = CHANGE if folded else BUILD
        self.button.tooltip, self.button.button_style = TOOLTIPS[self.button.description], "" if folded else "primary"

    def _suit(self, model: str) -> None:
        self.optimizer.choice.value = MODELS[model].optimizer
        self.stable_set.offer(sets_of(model))

    def _show_upload(self, corpus: str) -> None:
        self._upload_place.layout.display = "" if CORPORA[corpus].upload else "none"

    def _uploaded(self, change: Any) -> None:
        for file in change["new"]:
            content = bytes(file["content"])
            if len(content) < file["size"]:  # let go of below
                continue
            try:
                self.own = OwnText(file["name"], content)
                self._uploaded_line.say(f"{self.own.name}: {len(self.own.text):,} characters.")
            except ValueError as refusal:
                self._uploaded_line.say(f"{refusal}.", bad=True)
            self.upload.value = [type(file)(file, content=b"")]  # or each page that opens would be sent it again
