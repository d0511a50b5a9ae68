"""Panel code for each rule: what breaks it, and what looks like that and keeps it."""

from __future__ import annotations

Examples = tuple[list[str], list[str]]

HEAD = """
import functools
import time

import ctk
import qt
import slicer
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget
"""

IN_A_METHOD: dict[str, Examples] = {
    "isinstance": (
        [
            "isinstance(w, qt.QWidget)",
            "issubclass(type(w), (int, ctk.ctkCollapsibleButton))",
            "isinstance(w, slicer.qMRMLWidget | qt.QLabel)",
        ],
        ["w.inherits('QWidget')", "isinstance(w, str)", "isinstance(node, slicer.vtkMRMLNode)"],
    ),
    "keyword": (
        [
            "qt.QLabel(parent=w)",
            "w.findChild(qt.QLabel, name='kid')",
            "qt.QTimer.singleShot(5, slot=f)",
            "slicer.qMRMLNodeComboBox(parent=w)",
            "self.form.addRow('a', w, **options)",
        ],
        [
            "qt.QLabel(w)",
            "slicer.util.findChildren(w, name='kid')",
            "qt.Slot(int, result=int)",
            "self.logic.run(frame=3)",
        ],
    ),
    "connect-slot": (
        [
            "b.clicked.connect(self.ui.panel.hide)",
            "b.clicked.connect(w.setFocus)",
            "s.valueChanged.connect(x.setValue)",
            "self.box = qt.QSpinBox()\nb.clicked.connect(self.box.clear)",
            "b.connect('clicked(bool)', w.hide)",
        ],
        [
            "b.connect('clicked()', w.hide)",
            "b.clicked.connect(self.onClicked)",
            "b.clicked.connect(functools.wraps)",
            "b.clicked.connect(self.logic.refresh)",
            "t.timeout.connect(lambda: w.hide())",
            "s.connect(sig, x, 'hide()')",
        ],
    ),
    "forced-repaint": (
        [
            "self.strip.repaint()",
            "w.repaint(0, 0, 9, 9)",
            "qt.QWidget.repaint(self)",
            "bar = self.ui.progressBar\nbar.reset()",
            "self.ui.progressBar.reset()",
            "self.done = qt.QProgressBar()\nself.done.reset()",
        ],
        ["self.strip.update()", "self.ui.progressBar.setValue(0)", "self.logic.reset()", "self.model.reset()"],
    ),
    "connect-untrimmed": (
        [
            "b.clicked.connect(functools.partial(self.pick, 1))",
            "b.clicked.connect(lambda *args: self.run())",
            "b.connect('clicked(bool)', lambda *_: self.run())",
            "b.clicked.connect(lambda row=row: self.pick(row))",
        ],
        [
            "b.clicked.connect(lambda: self.run())",
            "b.clicked.connect(lambda checked=False, row=row: self.pick(row))",
            "b.clicked.connect(lambda *, row=row: self.pick(row))",
            "b.connect('clicked()', functools.partial(f, 1))",
        ],
    ),
    "signature": (
        [
            "b.connect('clicked', self.run)",
            "b.disconnect('clicked', self.run)",
            "b.connect('', f)",
            "b.connect('clicked() ->', f)",
        ],
        [
            "b.connect('clicked()', f)",
            "b.connect('currentNodeChanged(vtkMRMLNode*)', f)",
            "b.clicked.connect(f)",
            "p.connect('finished(int,QProcess::ExitStatus)', f)",
            "e.connect('textChanged(const QString &)', f)",
        ],
    ),
    "unkept-argument": (
        [
            "self.table.setModel(qt.QStandardItemModel())",
            "e = qt.QLineEdit()\ne.setValidator(qt.QIntValidator(0, 9))",
            "m = qt.QStandardItemModel()\nself.table.setModel(m)",
            "self.view.installEventFilter(KeyFilter())",
            "delegate = Delegate()\nself.table.setItemDelegateForColumn(1, delegate)",
        ],
        [
            "self.model = qt.QStandardItemModel()\nself.table.setModel(self.model)",
            "self.table.setModel(model)",
            "m = qt.QStandardItemModel()\nself.model = m\nself.table.setModel(m)",
            "self.edit.setValidator(qt.QIntValidator(0, 9, self.edit))",
            "self.table.setItemDelegate(Delegate(self.table))",
            "m = qt.QStandardItemModel()\nm.setParent(self.table)\nself.table.setModel(m)",
        ],
    ),
    "unkept-object": (
        [
            "timer = qt.QTimer()\ntimer.start(5)",
            "timer: qt.QTimer = qt.QTimer()\ntimer.start(5)",
            "p = qt.QProcess()\np.start('x')",
            "group = qt.QButtonGroup()",
            "qt.QTimer().start(5)",
            "action = qt.QAction('Undo')\naction.setEnabled(False)",
        ],
        [
            "self.timer = qt.QTimer()",
            "timer = qt.QTimer(self.parent)\ntimer.start(5)",
            "t = qt.QTimer()\nself.all.append(t)",
            "timer = qt.QTimer()\nself.timer = timer",
            "timer = qt.QTimer()\nreturn timer",
            "qt.QTimer.singleShot(5, f)",
        ],
    ),
    "conversion": (
        [
            "qt.QShortcut('Ctrl+K', w)",
            "a.setShortcut('Ctrl+K')",
            "a.setIcon(qt.QPixmap('x.png'))",
            "a.shortcut = 'F7'",
            "b = qt.QPushButton()\nb.resize((3, 4))",
            "b = qt.QPushButton()\nb.icon = qt.QPixmap('x.png')",
            "item.setForeground('red')",
            "w.setFixedSize((3, 4))",
            "w.setFont('Arial')",
        ],
        [
            "qt.QShortcut(qt.QKeySequence('Ctrl+K'), w)",
            "a.setIcon(qt.QIcon('x.png'))",
            "a.shortcut = qt.QKeySequence('F7')",
            "array.resize((3, 4))",
            "style.color = 'red'",
            "w.setFixedSize(qt.QSize(3, 4))",
            "w.setToolTip('red')",
        ],
    ),
    "none-text": (
        ["self.ui.label.text = None", "w.setText(None)", "self.ui.label.toolTip = None"],
        ["self.ui.label.text = ''", "w.setText('')", "self.text = None", "w.setParent(None)"],
    ),
    "getter-call": (
        [
            "w.text()",
            "self.ui.box.currentIndex()",
            "slider.value()",
            "self.ui.panel.width()",
            "box.objectName()",
            "label: qt.QLabel = qt.QLabel()\nlabel.size()",
            "self.box.count()",
        ],
        [
            "w.text",
            "table.item(0, 1).text()",
            "firstItem.text()",
            "event.text()",
            "settings.value('a', 1)",
            "rect.width()",
            "size = qt.QSize(1, 2)\nsize.width()",
            "word.title()",
            "self.boxLayout.count()",
            "self.model.rowCount()",
            "w.isEnabled()",
            "w.setText('a')",
            "names.count('a')",
            "time.count()",
        ],
    ),
    "signal-index": (
        ["w.activated[int].connect(f)", "w.activated[str, int].disconnect(f)", "w.toggled[qt.QWidget].emit(w)"],
        ["self.signals['a'].connect(f)", "self.buttons[i].clicked.connect(f)", "w.connect('activated(int)', f)"],
    ),
    "enum-member": (
        [
            "qt.Qt.LeftButton.name",
            "qt.QMessageBox.StandardButton.Ok.value",
            "event.type().name",
            "box.checkState().value",
        ],
        ["qt.Qt.LeftButton", "self.mode.name", "type(error).name", "w.name", "self.ui.box.value"],
    ),
    "blocker-with": (
        ["with qt.QSignalBlocker(w):\n    pass", "with open(x) as f, qt.QSignalBlocker(w):\n    pass"],
        ["blocked = w.blockSignals(True)", "with slicer.util.tryWithErrorDisplay('x'):\n    pass"],
    ),
    "qt-version": (
        [
            "qt.QRegExp('a')",
            "qt.QDesktopWidget()",
            "layout.setMargin(3)",
            "layout.margin = 3",
            "box.connect('currentIndexChanged(QString)', f)",
            "box.connect('activated( const QString & )', f)",
            "group.connect('buttonClicked(int)', f)",
        ],
        [
            "qt.QRegularExpression('a')",
            "layout.setContentsMargins(3, 3, 3, 3)",
            "box.connect('currentIndexChanged(int)', f)",
            "edit.connect('textChanged(QString)', f)",
            "reach = plan.margin",
        ],
    ),
    "thread": (
        ["import threading", "from concurrent.futures import ThreadPoolExecutor", "qt.QThread()", "w.moveToThread(x)"],
        ["import subprocess", "qt.QProcess(self.parent)"],
    ),
    "none-equality": (["w == None", "None != w"], ["w is None", "w == 3", "not w"]),
    "tuple-as-list": (
        [
            "w.children() + [x]",
            "w.findChildren('QLabel').append(x)",
            "[] == dialog.selectedFiles()",
            "[x] + w.actions()",
        ],
        ["list(w.children()) + [x]", "w.children() + (x,)", "slicer.util.findChildren(w) + [x]", "names.append(x)"],
    ),
    "process-events": (
        [
            "while busy:\n    slicer.app.processEvents()",
            "for i in x:\n    if i:\n        qt.QApplication.processEvents()",
        ],
        ["slicer.app.processEvents()", "for i in x:\n    def later():\n        slicer.app.processEvents()"],
    ),
    "sleep": (["time.sleep(1)", "from time import sleep as nap\nnap(1)"], ["time.monotonic()"]),
    "flags-in-constructor": (
        ["qt.QDialogButtonBox(qt.QDialogButtonBox.Ok | qt.QDialogButtonBox.Cancel)"],
        ["qt.QDialogButtonBox(qt.QDialogButtonBox.Ok)", "x.setStandardButtons(a | b)"],
    ),
    "dialog-tuple": (
        [
            "path, kind = qt.QFileDialog.getOpenFileName(w)",
            "text, ok = qt.QInputDialog.getText(w, 'a', 'b')",
            "qt.QFileDialog.getSaveFileName(w)[0]",
        ],
        ["path = qt.QFileDialog.getOpenFileName(w)", "qt.QFileDialog.getOpenFileNames(w)[0]"],
    ),
    "ctk-constructor": (
        ["ctk.ctkCollapsibleButton('Title')", "ctk.ctkCollapsibleGroupBox(_('Title'))"],
        ["ctk.ctkCollapsibleButton()", "ctk.ctkCollapsibleButton(self.parent)", "qt.QPushButton('Title')"],
    ),
    "print": (["print('x')"], ["logging.info('x')", "self.print('x')"]),
    "translated-text": (
        ["_(f'{n} frames')", "_('%d frames' % n)", "_('{} frames'.format(n))", "_('a' + b)"],
        ["_('{} frames').format(n)", "f(f'{n} frames')"],
    ),
}

WHOLE_FILES: dict[str, Examples] = {
    "super-call": (
        [
            "class W(qt.QWidget):\n    def event(self, e):\n        return super().event(e)",
            "class W(qt.QWidget):\n    def f(self):\n        super(W, self).show()",
            "class V(qt.QWidget):\n    pass\nclass W(V):\n    def f(self):\n        super().show()",
            "class W(slicer.qSlicerWidget):\n    def f(self):\n        return super().isEnabled",
        ],
        [
            "class W(qt.QWidget):\n    def __init__(self, parent):\n        super().__init__(parent)",
            "class W(qt.QWidget):\n    def event(self, e):\n        return qt.QWidget.event(self, e)",
            "class Test(Test):\n    def f(self):\n        super().f()",
            "class W(ScriptedLoadableModuleWidget):\n    def setup(self):\n        super().setup()",
            "class V(qt.QWidget):\n    def f(self):\n        pass\nclass W(V):\n    def f(self):\n        super().f()",
        ],
    ),
    "connect-slot": (
        ["class W(qt.QWidget):\n    def f(self, b):\n        b.clicked.connect(self.hide)"],
        [
            "class W(qt.QWidget):\n    def hide(self):\n        pass\n"
            "    def f(self, b):\n        b.clicked.connect(self.hide)"
        ],
    ),
    "unkept-object": (
        ["class Filter(qt.QObject):\n    pass\ndef f(w):\n    kept = Filter()"],
        ["class Form(qt.QDialog):\n    pass\ndef f(w):\n    form = Form()\n    return form.exec_()"],
    ),
    "slot-overwritten": (
        [
            "class W(qt.QWidget):\n    def f(self):\n        self.layout = qt.QVBoxLayout(self)",
            "class W(qt.QFrame):\n    def f(self, size):\n        self.parent, self.size = None, size",
            "class W(qt.QFrame):\n    def f(self):\n        self.window: object = None",
            "def f(timer):\n    timer.singleShot = True",
        ],
        [
            "class W(ScriptedLoadableModuleWidget):\n    def f(self):\n        self.layout = qt.QVBoxLayout()",
            "class W(qt.QFrame):\n    def f(self):\n        self.font = qt.QFont()\n        self.enabled = False",
            "def f(timer):\n    timer.setSingleShot(True)",
        ],
    ),
    "getter-call": (
        ["class W(qt.QWidget):\n    def f(self):\n        return self.width()"],
        ["class W(qt.QWidget):\n    def width(self):\n        return 3\n    def f(self):\n        return self.width()"],
    ),
    "ctk-subclass": (["class W(ctk.ctkCollapsibleButton):\n    pass"], ["class W(qt.QWidget):\n    pass"]),
    "signal-owner": (
        ["class W(ScriptedLoadableModuleWidget):\n    done = qt.Signal()", "class Logic:\n    done = qt.Signal(int)"],
        ["class Logic(qt.QObject):\n    done = qt.Signal(int)"],
    ),
    "file-scope-import": (
        [
            "import torch",
            "from SimpleITK import ReadImage",
            "import echoapex.models.model_loading",
            "from echoapex import training",
            "import numpy, cv2",
        ],
        [
            "import numpy as np",
            "from EchoApexSegmentLib.keys import Keys",
            "from .keys import Keys",
            "import DICOMLib",
            "from echoapex.errors import EchoApexError",
            "def f():\n    import torch",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch",
        ],
    ),
    "file-scope-code": (
        [
            "slicer.app.connect('startupCompleted()', f)",
            "for i in x:\n    pass",
            "ICON = qt.QIcon('x.png')",
            "TITLE = _('Cine')",
            "try:\n    import numpy\nexcept ImportError:\n    pass",
        ],
        [
            "'''Text.'''",
            "LIMIT = 3",
            "from pathlib import Path\nHERE = Path(__file__).resolve().parent",
            "import logging\nLOG = logging.getLogger(__name__)",
            "class A:\n    pass\nTABLE = {'a': A()}",
            "if __name__ == '__main__':\n    print",
            "TITLES = {'a': lambda: _('Cine')}",
            "WORDS = 'a b'.split()",
        ],
    ),
}
