// A class library that names no serializer.

namespace Bare
{
    public static class Desk
    {
        public static string Serve(string text) => text;
    }
}
