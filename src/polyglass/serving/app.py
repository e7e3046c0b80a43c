"""A site in, the whole application out."""

from polyglass.serving.deepl import DeepL
from polyglass.serving.deepl_documents import DeepLDocuments
from polyglass.serving.endpoints import Routes
from polyglass.serving.front import Front
from polyglass.serving.guard import LOOPBACK, Guard, is_loopback
from polyglass.serving.libretranslate import LibreTranslate
from polyglass.serving.libretranslate_files import LibreTranslateFiles
from polyglass.serving.openapi import Description
from polyglass.serving.page import Page
from polyglass.serving.see_through import SeeThrough
from polyglass.serving.site import Site
from polyglass.serving.v1 import Own


def endpoints_of(site: Site) -> Description:
    """Return all endpoints of a site, with their description."""
    libretranslate = LibreTranslate(site)
    return Description(
        (
            *Own(site).endpoints(),
            *libretranslate.endpoints(),
            *LibreTranslateFiles(site, libretranslate).endpoints(),
            *DeepL(site).endpoints(),
            *DeepLDocuments(site).endpoints(),
            *SeeThrough(site).endpoints(),
        )
    )


def build_app(site: Site) -> Front:
    """Return the ASGI application of a site."""
    config = site.config
    named = [name.strip() for name in config.hosts.split(",") if name.strip()]
    hosts = {*LOOPBACK, *named} if is_loopback(config.host) or named else None
    guard = Guard(hosts, foreign_pages=bool(site.keys))
    return Front(site, Routes(endpoints_of(site).endpoints), guard=guard, pages=Page(site) if config.page else None)
