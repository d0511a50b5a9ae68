"""Reading and writing of nodes by the logics that Slicer has for them."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore
from PySide6.QtCore import Signal

_TYPES = {
    ".mrb": "SceneFile",
    ".mrml": "SceneFile",
    ".seg.nrrd": "SegmentationFile",
    ".seq.nrrd": "SequenceFile",
    ".seq.mrb": "SequenceFile",
    ".mrk.json": "MarkupsFile",
    ".tsv": "TableFile",
    ".csv": "TableFile",
    ".txt": "TextFile",
    ".json": "TextFile",
    ".vtk": "ModelFile",
    ".vtp": "ModelFile",
    ".h5": "TransformFile",
    ".tfm": "TransformFile",
    ".nrrd": "VolumeFile",
    ".nhdr": "VolumeFile",
    ".nii.gz": "VolumeFile",
    ".nii": "VolumeFile",
    ".mha": "VolumeFile",
    ".png": "VolumeFile",
}
_LABELMAP, _CENTERED, _SINGLE_FILE = 1, 2, 4


class qSlicerIOManager(QtCore.QObject):
    """Reads and writes what the logics outside of the application can."""

    newFileLoaded = Signal(object)
    fileSaved = Signal(object)

    def __init__(self, logics: dict[str, Any]) -> None:
        super().__init__()
        self._logics = logics
        self._readers = {
            "VolumeFile": self._readVolume,
            "SegmentationFile": self._readSegmentation,
            "SequenceFile": self._readSequence,
            "MarkupsFile": self._readMarkups,
            "TableFile": lambda file, name, p, m: logics["Tables"].AddTable(file, name),
            "TransformFile": lambda file, name, p, m: logics["Transforms"].AddTransform(file, slicer.mrmlScene),
            "ModelFile": lambda file, name, p, m: logics["Models"].AddModel(file, 1),
            "TextFile": self._readText,
        }

    def fileType(self, file: str) -> str:
        endings = sorted((e for e in _TYPES if str(file).lower().endswith(e)), key=len)
        return _TYPES[endings[-1]] if endings else "NoFile"

    def registeredFileReaderCount(self, fileType: str) -> int:
        return int(fileType in self._readers or fileType == "SceneFile")

    def fileWriterFileType(self, node: Any) -> str:
        return node.GetClassName()

    def loadNodes(self, fileType: str, properties: dict[str, Any], loaded: Any = None, messages: Any = None) -> bool:
        messages = messages if messages is not None else slicer.vtkMRMLMessageCollection()
        file = str(properties["fileName"])
        if fileType == "SceneFile":
            return self.loadScene(file, properties, messages)
        if fileType not in self._readers:
            raise NotImplementedError(f"Reading a {fileType} ({file}) has no stand-in in the Host")
        name = properties.get("name") or Path(file).name.partition(".")[0]
        node = self._readers[fileType](file, name, properties, messages)
        if node is not None and loaded is not None:
            loaded.AddItem(node)
        return node is not None

    def loadScene(self, file: str, properties: dict[str, Any], messages: Any) -> bool:
        scene = slicer.mrmlScene
        if file.lower().endswith(".mrb"):
            # It unpacks in another working folder, and stays there when it fails.
            with chdir("."):
                return bool(scene.ReadFromMRB(str(Path(file).absolute()), bool(properties.get("clear")), messages))
        scene.SetURL(file)
        return bool(scene.Connect(messages) if properties.get("clear") else scene.Import(messages))

    def saveNodes(self, fileType: str, properties: dict[str, Any], messages: Any = None) -> bool:
        file = str(properties["fileName"])
        if fileType == "SceneFile":
            return self.saveScene(file)
        node = slicer.mrmlScene.GetNodeByID(properties["nodeID"])
        if hasattr(node, "SetForceCreateStorageNode"):
            node.SetForceCreateStorageNode(1)
        node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        storage.SetFileName(file)
        if "useCompression" in properties:
            storage.SetUseCompression(int(properties["useCompression"]))
        return bool(storage.WriteData(node))

    def saveScene(self, file: str) -> bool:
        scene = slicer.mrmlScene
        if file.lower().endswith(".mrb"):
            with chdir("."):
                return bool(scene.WriteToMRB(str(Path(file).absolute()), None))
        scene.SetURL(file)
        return bool(scene.Commit())

    def _readVolume(self, file: str, name: str, properties: dict[str, Any], messages: Any) -> Any:
        options = {"labelmap": _LABELMAP, "center": _CENTERED, "singleFile": _SINGLE_FILE}
        chosen = sum(bit for option, bit in options.items() if properties.get(option))
        return self._logics["Volumes"].AddArchetypeVolume(file, name, chosen)

    def _readSegmentation(self, file: str, name: str, properties: dict[str, Any], messages: Any) -> Any:
        return self._logics["Segmentations"].LoadSegmentationFromFile(file, True, name)

    def _readSequence(self, file: str, name: str, properties: dict[str, Any], messages: Any) -> Any:
        sequence = self._logics["Sequences"].AddSequence(file, messages)
        if sequence is not None:
            browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{sequence.GetName()} browser")
            browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
        return sequence

    def _readMarkups(self, file: str, name: str, properties: dict[str, Any], messages: Any) -> Any:
        ids = self._logics["Markups"].LoadMarkups(file, name, messages)
        return slicer.mrmlScene.GetNodeByID(ids.partition(",")[0]) if ids else None

    def _readText(self, file: str, name: str, properties: dict[str, Any], messages: Any) -> Any:
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", name)
        node.SetForceCreateStorageNode(1)
        node.AddDefaultStorageNode()
        node.GetStorageNode().SetFileName(file)
        if not node.GetStorageNode().ReadData(node):
            slicer.mrmlScene.RemoveNode(node)
            return None
        return node
