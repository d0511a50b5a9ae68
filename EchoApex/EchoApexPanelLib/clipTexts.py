"""What is said of clips: of the list, and of one on its way into the scene."""

from slicer.i18n import tr as _


def clipCount(count):
    """So many clips."""
    return _("1 clip") if count == 1 else _("{count} clips").format(count=count)


def listText(study):
    """How many clips there are, and what is left out."""
    clips, count = study.list.clips, len(study.list.studies)
    if not clips:
        return _("The headers are being read...") if study.listing else _("No examination is open.")
    studies = _("{count} studies, ").format(count=count) if count > 1 else ""
    unused = sum(bool(clip.refusal) for clip in clips)
    parts = [f"{studies}{clipCount(len(clips))}"]
    parts += [_("{count} not used").format(count=unused)] if unused else []
    parts += [_("left out: {first}").format(first=study.leftOut[0].rstrip("."))] if study.leftOut else []
    more = _("; more is being read...") if study.listing else "."
    return "; ".join(parts) + more


def studyText(clips, study):
    """The head of a study in the list."""
    facts = [patientText(study.patient), clipCount(len(clips.clipsOf(study.id)))]
    return f"{study.id}: {', '.join(filter(None, facts))}"


def patientText(patient):
    """What the headers say of the patient, who is never named."""
    sex = {"F": _("female"), "M": _("male")}.get(patient["sex"], "")
    age = "" if patient["age"] is None else _("{age:.0f} years").format(age=patient["age"])
    height = "" if patient["height_cm"] is None else _("{height:.0f} cm").format(height=patient["height_cm"])
    weight = "" if patient["weight_kg"] is None else _("{weight:.1f} kg").format(weight=patient["weight_kg"])
    return ", ".join(filter(None, (sex, age, height, weight)))


def clipCells(clip, study):
    """What the list says of a clip, column by column, in two lines at most: names of files need the width."""
    from EchoApexLib.study.openedReport import scaleWords

    rate = "" if clip.rate is None else f"\n{clip.rate:.0f}/s"
    return (
        clip.file.name,
        "\n".join(filter(None, (clip.view or "–", sourceText(clip)))),
        resultText(clip, study),
        "–" if clip.frames is None else f"{clip.frames}{rate}",
        scaleWords(clip.scale) or "–",
        clip.mode or "–",
    )


def sourceText(clip):
    """Who named the view of a clip; "" where nobody has."""
    return {"header": _("header"), "user": _("you"), "recognized": _("model")}.get(clip.viewSource, "")


def resultText(clip, study):
    """What became of a clip, or becomes of it just now; ⚠ where there is something to know."""
    done = study.analysis.progress.done.get(clip.file) if study.analyzing else None
    if done is not None:
        return _("done") if done["event"] == "clip_done" else _("not used")
    result = _("not used") if clip.refusal else clip.result.partition(",")[0]
    return f"{result}\n⚠".strip() if clip.warnings else result


def clipText(clip):
    """What is to be known of a clip: its file, why it is not used, its scale, its warnings."""
    spacing = spacingText(clip)
    scale = _("{spacing} mm per pixel.").format(spacing=spacing) if spacing else ""
    if clip.calibration is not None:
        told = _("Scale by hand: {points} are {mm:g} mm apart, {spacing} mm per pixel.")
        ends = " – ".join(f"({x:.0f}, {y:.0f})" for x, y in clip.calibration.points)
        scale = told.format(points=ends, mm=clip.calibration.mm, spacing=spacing)
    elif clip.scale == "none":
        scale = _("No scale, so no millimeters: {reason}.").format(reason=clip.scaleReason)
    unused = _("Not used: {reason}.").format(reason=clip.refusal) if clip.refusal else ""
    became = f"{clip.result[0].upper()}{clip.result[1:]}." if clip.result and not unused else ""
    mode = f"{clip.mode}." if clip.mode else ""
    told = (
        f"{clip.file.name}.",
        unused,
        viewText(clip),
        mode,
        became,
        scale,
        *(_sentence(one) for one in clip.warnings),
    )
    return " ".join(filter(None, told))


def spacingText(clip):
    """The millimeters of a pixel, x before y where they differ; empty where they are not known."""
    return "" if clip.mmPerPx is None else " x ".join(dict.fromkeys(f"{one:.3f}" for one in reversed(clip.mmPerPx)))


def viewText(clip):
    """The view of a clip, and how sure the model is of it."""
    if clip.viewSource == "recognized" and clip.probability is not None:
        text = _("{view} by the model ({probability:.2f}).")
        return text.format(view=clip.view, probability=clip.probability)
    text = {"header": _("{view} by the header."), "user": _("{view} by you.")}.get(clip.viewSource, "")
    return text.format(view=clip.view)


def _sentence(text):
    return f"{text.rstrip('.')}."


def openingText(opening):
    """How far a clip is on its way into the scene, in a line."""
    if not opening.count:
        return _("{name} is being read...").format(name=opening.name)
    share = 100 * opening.done // opening.count
    return _("{name}: {share} % is there...").format(name=opening.name, share=share)
