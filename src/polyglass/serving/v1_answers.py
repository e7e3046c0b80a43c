"""Answers of the service in, what goes over the wire in polyglass's own dialect out."""

from collections.abc import Collection

from polyglass.serving import v1_schema as wire
from polyglass.serving.refusals import Refusal
from polyglass.serving.service import SentenceAnswer, TextAnswer, Timing


def text_result(result: TextAnswer | Refusal, wanted: Collection[str]) -> wire.TextResult:
    """Return a text as it is sent."""
    if isinstance(result, Refusal):
        problem = wire.Problem(code=result.code, message=result.message, hint=result.hint)
        return wire.TextResult(text=None, source="", target="", error=problem)
    guess = result.detected
    detected = wire.Detected(language=guess.language, confidence=round(guess.confidence, 4)) if guess else None
    return wire.TextResult(
        text=result.text,
        source=result.source,
        target=result.target,
        detected=detected,
        models=list(result.models),
        alternatives=list(result.alternatives),
        score=result.score if "scores" in wanted else None,
        sentences=[sentence_result(one, wanted) for one in result.sentences] if wanted else None,
        repairs=list(result.repairs),
    )


def sentence_result(sentence: SentenceAnswer, wanted: Collection[str]) -> wire.SentenceResult:
    """Return a sentence as it is sent."""
    translation = sentence.translation
    tokens, scores, alignment = (word in wanted for word in ("tokens", "scores", "alignment"))
    candidates = [
        wire.Candidate(
            text=one.text,
            score=one.score if scores else None,
            finish_reason=one.finish_reason,
            tokens=[
                wire.Token(text=piece, log_prob=log_prob if scores else None)
                for piece, log_prob in zip(one.pieces, one.token_log_probs, strict=True)
            ]
            if tokens
            else None,
            alignment=[[round(look, 4) for look in row] for row in one.alignment]
            if alignment and one.alignment is not None
            else None,
        )
        for one in translation.candidates
    ]
    return wire.SentenceResult(
        source=translation.source,
        source_tokens=list(translation.source_pieces) if tokens or alignment else None,
        candidates=candidates,
        cut_tokens=translation.cut_tokens,
    )


def timing_result(timing: Timing) -> wire.TimingResult:
    """Return the times as they are sent."""
    return wire.TimingResult(
        queue_ms=round(1000 * timing.queue_seconds, 2),
        model_ms=round(1000 * timing.model_seconds, 2),
        batch_size=timing.batch,
        cached=timing.cached,
    )
